package proxy

import (
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// answer passes the instance's answer on to the client and counts it.
func (x *exchange) answer(in *instance, resp *http.Response, took time.Duration) {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		in.tally.add(took, false)
		x.switchProtocols(in, resp)
		return
	}
	defer resp.Body.Close()
	streams := isStream(resp)
	if streams {
		in.tally.add(took, resp.StatusCode >= 500)
	}
	err := x.pass(in, resp)
	if !streams {
		x.count(in, resp, took, err)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the client must not take half an answer for a whole one
	}
}

// count judges a finished answer. A client that left in the middle of it did get its answer's beginning: what counts is
// the status.
func (x *exchange) count(in *instance, resp *http.Response, took time.Duration, err error) {
	_, broke := err.(*brokenAnswer)
	failed := resp.StatusCode >= 500 || serverFault(resp) || (broke && x.r.Context().Err() == nil)
	in.tally.add(took, failed)
}

// A brokenAnswer says that the backend did not finish what it began.
type brokenAnswer struct{ error }

// isStream reports whether an answer may go on for ever; it is counted when it begins.
func isStream(resp *http.Response) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream")
}

// serverFault reports whether a gRPC answer blames the server (the codes that gRPC's own retry and health logic treats
// so): unknown, deadline exceeded, unimplemented, internal, unavailable, data loss.
func serverFault(resp *http.Response) bool {
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/grpc") {
		return false
	}
	status := resp.Trailer.Get("Grpc-Status")
	if status == "" {
		status = resp.Header.Get("Grpc-Status")
	}
	switch status {
	case "2", "4", "12", "13", "14", "15":
		return true
	}
	return false
}

// pass copies header, body and trailers to the client.
func (x *exchange) pass(in *instance, resp *http.Response) error {
	h := x.w.Header()
	copyAnswerHeader(h, resp.Header)
	if x.way.cookie != nil {
		h.Add("Set-Cookie", x.way.cookie.String())
	}
	if x.config.Tell {
		h.Set("Serin-Instance", in.name)
	}
	for name := range resp.Trailer {
		h.Add("Trailer", name)
	}
	x.started = true
	x.w.WriteHeader(resp.StatusCode)
	if err := x.passBody(resp); err != nil {
		return err
	}
	announced := h["Trailer"]
	for name, values := range resp.Trailer {
		if !slices.Contains(announced, name) {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
	return nil
}

// copyAnswerHeader leaves out what belongs to the connection with the backend, and what only the proxy may say.
func copyAnswerHeader(to, from http.Header) {
	for name, values := range from {
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Te", "Trailer",
			"Transfer-Encoding", "Upgrade", ErrorHeader:
			continue
		}
		to[name] = values
	}
	for _, line := range from["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
			if name != "Connection" {
				delete(to, name)
			}
		}
	}
	if _, ok := to["Content-Type"]; !ok {
		to["Content-Type"] = nil // keeps net/http from guessing one
	}
}

// passBody copies the body. A body of unknown length may be a conversation, so that each piece is sent on as it comes.
func (x *exchange) passBody(resp *http.Response) error {
	if resp.Body == http.NoBody {
		return nil
	}
	flush := func() error { return nil }
	if resp.ContentLength < 0 {
		control := http.NewResponseController(x.w)
		flush = control.Flush
		if b, ok := resp.Body.(*answerBody); !ok || b.buffered() == 0 {
			if err := flush(); err != nil { // the header, while the body is awaited
				return err
			}
		}
	}
	buffer := x.target.buffers.Get().(*[copyBuffer]byte)
	defer x.target.buffers.Put(buffer)
	for {
		n, err := resp.Body.Read(buffer[:])
		if n > 0 {
			if _, err := x.w.Write(buffer[:n]); err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &brokenAnswer{err}
		}
	}
}

// copyBuffer is how much of an answer is in our hands at a time.
const copyBuffer = 32 << 10
