package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An instance is a backend that answers requests. It outlives tables: one that left the table is kept until its last
// request is done.
type instance struct {
	name  string
	text  string // its URL as ordered
	url   *url.URL
	base  string // path in front of every target, without a slash at its end
	addr  string // what is dialled
	tally *tally

	busy     atomic.Int64 // requests under way, mirrored ones too
	gone     atomic.Bool  // left the table
	killed   atomic.Bool  // and its connections were closed: whatever is under way still is not under way there
	refusals atomic.Int32 // connections refused in a row
	shunned  atomic.Int64 // Unix nanoseconds until which it is passed over

	timeouts    Timeouts
	rewriteHost bool
	response    time.Duration
	wire        wire
	stock       stock
	open        register
	tunnels     tunnels
	deadline    *time.Timer // kills it when the drain time is over; nil while it is in the table
}

// How long an instance that refused a connection is passed over: doubling from the first to the second.
const (
	shunFirst = 250 * time.Millisecond
	shunMost  = 30 * time.Second
)

func newInstance(name, text string, c *config, count *tally) (*instance, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read URL of instance %s: %w", name, err)
	}
	ports := map[string]string{"http": "80", "https": "443", "h2c": "80"}
	port, known := ports[u.Scheme]
	if !known || u.Hostname() == "" {
		return nil, fmt.Errorf("read URL of instance %s: %q: want http, https or h2c and a host", name, text)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	in := &instance{
		name: name, text: text, url: u, base: strings.TrimRight(u.EscapedPath(), "/"), addr: net.JoinHostPort(u.Hostname(), port), tally: count,
		timeouts: c.Timeouts, rewriteHost: c.RewriteHost, response: time.Duration(c.Timeouts.Response),
	}
	in.wire = wire{instance: in, reuse: time.Duration(c.Timeouts.Reuse)}
	in.stock = stock{instance: in, reuse: time.Duration(c.Timeouts.Reuse)}
	return in, nil
}

// same reports whether an order means this very instance, reached in the same way.
func (in *instance) same(url string, c *config) bool {
	return in.text == url && in.timeouts == c.Timeouts && in.rewriteHost == c.RewriteHost
}

// path returns the target of the request line.
func (in *instance) path(r *http.Request) string {
	if in.base == "" || r.URL.Path == "*" {
		return r.URL.RequestURI()
	}
	return in.base + r.URL.RequestURI()
}

// host returns the Host the instance gets to see.
func (in *instance) host(r *http.Request) string {
	if in.rewriteHost || r.Host == "" {
		return in.url.Host
	}
	return r.Host
}

// enter announces a request. It is false when the instance has left the table: whoever sees the instance busy after it
// left sees every request that was ever let in, so a drained instance stays drained.
func (in *instance) enter() bool {
	in.busy.Add(1)
	if in.gone.Load() {
		in.leave()
		return false
	}
	return true
}

// leave ends what enter began. The last one out closes the door.
func (in *instance) leave() {
	if in.busy.Add(-1) == 0 && in.gone.Load() {
		in.closeIdle()
	}
}

// closeIdle closes all connections that carry no request.
func (in *instance) closeIdle() {
	in.wire.closeIdle()
	in.stock.closeIdle()
}

// kill closes all connections, websockets in their own way.
func (in *instance) kill() {
	in.tunnels.end()
	in.open.closeAll()
	in.killed.Store(true)
}

// refused notes a connection that did not come about.
func (in *instance) refused(now time.Time) {
	n := min(in.refusals.Add(1), 16)
	in.shunned.Store(now.Add(min(shunFirst<<(n-1), shunMost)).UnixNano())
}

// answered forgets earlier refusals.
func (in *instance) answered() {
	if in.refusals.Load() != 0 {
		in.refusals.Store(0)
		in.shunned.Store(0)
	}
}

// An unsentError says that the instance cannot have seen anything of the request.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// unsent reports whether a request may be sent again without any risk.
func unsent(err error) bool {
	var u *unsentError
	return errors.As(err, &u)
}

// dial opens a connection that kill can find.
func (in *instance) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: time.Duration(in.timeouts.Connect)}
	conn, err := d.DialContext(ctx, "tcp", in.addr)
	if err != nil {
		return nil, &unsentError{err}
	}
	return in.open.add(conn), nil
}

// A register knows the open connections of an instance.
type register struct {
	mu    sync.Mutex
	conns map[*trackedConn]struct{}
}

// A trackedConn leaves the register when it is closed.
type trackedConn struct {
	net.Conn
	register *register
}

func (r *register) add(conn net.Conn) *trackedConn {
	tracked := &trackedConn{Conn: conn, register: r}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		r.conns = map[*trackedConn]struct{}{}
	}
	r.conns[tracked] = struct{}{}
	return tracked
}

func (c *trackedConn) Close() error {
	c.register.mu.Lock()
	delete(c.register.conns, c)
	c.register.mu.Unlock()
	return c.Conn.Close()
}

func (r *register) closeAll() {
	r.mu.Lock()
	open := make([]*trackedConn, 0, len(r.conns))
	for c := range r.conns {
		open = append(open, c)
	}
	r.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
}
