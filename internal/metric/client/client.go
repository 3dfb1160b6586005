package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/common/config"
)

// Options are what one client is made of.
type Options struct {
	Name    string // of the store
	Auth    Auth
	Headers map[string]string // added to every request
	Most    int               // bytes of one answer
	Idle    time.Duration     // how long an unused connection is kept
}

// New makes a client. All secrets are read now.
func New(ctx context.Context, o Options, from Secrets) (*http.Client, error) {
	cfg, err := o.Auth.httpConfig(ctx, from)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: sensible}
	c, err := config.NewClientFromConfig(cfg, o.Name, config.WithDialContextFunc(dialer.DialContext),
		config.WithUserAgent("serin"), config.WithIdleConnTimeout(o.Idle))
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	c.Transport = &bounded{c.Transport, o.Headers, o.Most}
	return c, nil
}

// CheckHeaders refuses headers that are credentials, which settings must not hold, and those that belong to the client or to
// the store.
func CheckHeaders(headers map[string]string, store ...string) error {
	for name := range headers {
		switch key := http.CanonicalHeaderKey(name); {
		case slices.Contains([]string{"Authorization", "Proxy-Authorization", "Cookie"}, key):
			return fmt.Errorf("headers: %s is a credential; use auth, which reads it from a Secret or a file", name)
		case slices.Contains(append(store, "Host", "Content-Length", "User-Agent"), key):
			return fmt.Errorf("headers: %s is not yours to set", name)
		}
	}
	return nil
}

// sensible refuses addresses at which no server of metrics can be, but which would answer with secrets of the machine: those of
// the link (169.254.169.254 hands out a cloud's credentials).
func sensible(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	if ip := at.Addr().Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return fmt.Errorf("connect to %s: addresses of this kind are not asked for metrics", address)
	}
	return nil
}

// bounded adds the user's headers to requests, and ends answers that are too long.
type bounded struct {
	next    http.RoundTripper
	headers map[string]string
	most    int
}

// RoundTrip sends one request.
func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	if len(b.headers) > 0 {
		req = req.Clone(req.Context())
		for name, value := range b.headers {
			req.Header.Set(name, value)
		}
	}
	resp, err := b.next.RoundTrip(req)
	if err == nil {
		resp.Body = &limited{resp.Body, b.most, b.most}
	}
	return resp, err
}

// CloseIdleConnections hands on what http.Client asks for.
func (b *bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type limited struct {
	io.ReadCloser
	left, most int
}

// Read reads on, to the limit and not over it.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, fmt.Errorf("the answer is longer than %d MiB", l.most>>20)
	}
	return n, err
}
