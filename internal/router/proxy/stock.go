package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A stock carries what a wire does not: bodies that come as they come, changes of protocol, TLS and HTTP/2. It is net/http's
// transport, one of each kind per instance, made when first needed.
type stock struct {
	instance *instance
	reuse    time.Duration

	mu    sync.Mutex
	plain *http.Transport // HTTP/1.1, or whatever TLS agrees on
	h2    *http.Transport // HTTP/2 only, in clear text too: gRPC
}

func (s *stock) transport(h2 bool) *http.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := &s.plain
	if h2 {
		kept = &s.h2
	}
	if *kept == nil {
		*kept = s.newTransport(h2)
	}
	return *kept
}

func (s *stock) newTransport(h2 bool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(h2)
	protocols.SetHTTP1(!h2)
	return &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return s.instance.dial(ctx) },
		TLSHandshakeTimeout:    max(5*time.Second, time.Duration(s.instance.timeouts.Connect)),
		ResponseHeaderTimeout:  s.instance.response,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        s.reuse,
		MaxIdleConnsPerHost:    1024,
		MaxResponseHeaderBytes: maxAnswerHeader,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}

func (s *stock) closeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range []*http.Transport{s.plain, s.h2} {
		if t != nil {
			t.CloseIdleConnections()
		}
	}
}

// send carries the message. The context ends the request together with its answer.
func (s *stock) send(m *message) (*http.Response, error) {
	ctx := m.ctx
	if m.inform != nil {
		hint := &hints{inform: m.inform}
		defer hint.end()
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: hint.pass})
	}
	resp, err := s.transport(m.grpc() || s.instance.url.Scheme == "h2c").RoundTrip(s.request(ctx, m))
	if err == nil && resp.StatusCode == http.StatusSwitchingProtocols && m.upgrade == "" {
		resp.Body.Close()
		return nil, errors.New("changes protocol without being asked")
	}
	return resp, err
}

// request writes the message in net/http's terms.
func (s *stock) request(ctx context.Context, m *message) *http.Request {
	r := &http.Request{
		Method: m.in.Method, URL: s.url(m.in), Host: s.instance.host(m.in),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, len(m.in.Header)+4),
		Body:   http.NoBody,
	}
	m.fields(func(name, value string) { r.Header[name] = append(r.Header[name], value) })
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header["User-Agent"] = []string{""} // keeps net/http from adding its own
	}
	switch {
	case m.stream != nil:
		r.Body, r.ContentLength, r.Trailer = m.stream, m.stream.length, m.in.Trailer
		r.GetBody = m.stream.again
	case len(m.body) > 0:
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.body)), nil }
		r.Body, _ = r.GetBody()
		r.ContentLength = int64(len(m.body))
	}
	return r.WithContext(ctx)
}

func (s *stock) url(r *http.Request) *url.URL {
	u := *s.instance.url
	if u.Scheme == "h2c" {
		u.Scheme = "http"
	}
	u.Path, u.RawPath, u.RawQuery, u.ForceQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.URL.ForceQuery
	if s.instance.base != "" && r.URL.Path != "*" {
		u.RawPath = s.instance.base + r.URL.EscapedPath()
		u.Path = strings.TrimRight(s.instance.url.Path, "/") + r.URL.Path
	}
	return &u
}

// hints passes 1xx answers on. net/http calls it from a goroutine of its own, which may come late.
type hints struct {
	inform func(code int, h http.Header)
	mu     sync.Mutex
	over   bool
}

func (h *hints) pass(code int, header textproto.MIMEHeader) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over && code != http.StatusContinue {
		h.inform(code, http.Header(header))
	}
	return nil
}

func (h *hints) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
}
