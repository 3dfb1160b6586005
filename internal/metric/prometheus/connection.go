package prometheus

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/config"
)

const (
	answerLimit = 16 << 20 // bytes of one answer
	secretsKept = time.Minute
	unusedKept  = 10 * time.Minute
)

// Connections are the clients of all the Prometheuses that are in use, by namespace and settings: connections are kept, and a
// secret that was changed is known within a minute, or as soon as the old one is refused.
type connections struct {
	read func(ctx context.Context, namespace, name, key string) (string, error)
	now  func() time.Time

	mu  sync.Mutex
	all map[string]*connection
}

type connection struct {
	api        v1.API
	client     *http.Client
	made, used time.Time
}

// to finds or makes the client that a question needs.
func (c *connections) to(ctx context.Context, namespace, key string, r *rulebook) (v1.API, error) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for other, one := range c.all {
		if now.Sub(one.used) > unusedKept {
			c.drop(other)
		}
	}
	if one := c.all[key]; one != nil && now.Sub(one.made) < secretsKept {
		one.used = now
		return one.api, nil
	}
	made, err := c.dial(ctx, namespace, r)
	if err != nil {
		return nil, err
	}
	c.drop(key)
	made.made, made.used = now, now
	c.all[key] = made
	return made.api, nil
}

// refused forgets a client whose credentials are no longer good.
func (c *connections) refused(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(key)
}

func (c *connections) drop(key string) {
	if one := c.all[key]; one != nil {
		one.client.CloseIdleConnections()
		delete(c.all, key)
	}
}

func (c *connections) dial(ctx context.Context, namespace string, r *rulebook) (*connection, error) {
	cfg, err := r.Auth.httpConfig(ctx, secrecy{namespace, c.read})
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: sensible}
	client, err := config.NewClientFromConfig(cfg, "prometheus", config.WithDialContextFunc(dialer.DialContext),
		config.WithUserAgent("serin"), config.WithIdleConnTimeout(secretsKept))
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	client.Transport = &bounded{client.Transport, r.Headers}
	a, err := api.NewClient(api.Config{Address: r.Address, Client: client})
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	return &connection{api: v1.NewAPI(a), client: client}, nil
}

// sensible refuses addresses at which no Prometheus can be, but which would answer with secrets of the machine: those of the
// link (169.254.169.254 hands out a cloud's credentials).
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
		resp.Body = &limited{resp.Body, answerLimit}
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
	left int
}

// Read reads on, to the limit and not over it.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, fmt.Errorf("the answer is longer than %d MiB", answerLimit>>20)
	}
	return n, err
}
