package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A payload is a body that is passed on as it comes. It is read once; touched says whether that has begun.
type payload struct {
	body    io.Reader
	length  int64 // -1: unknown
	touched atomic.Bool
	failure atomic.Pointer[error] // what went wrong on the client's side

	mu      sync.Mutex               // of what follows
	control *http.ResponseController // bounds how long each read may take; nil: no bound, or no longer
	pause   time.Duration
	read    int64

	whole func([]byte) // gets a copy of the body when all of it was read; nil: nobody wants one
	copy  []byte
}

// Read reads from the client and remembers the client's errors, which are no fault of the backend.
func (p *payload) Read(b []byte) (int, error) {
	p.touched.Store(true)
	p.limit(0)
	n, err := p.body.Read(b)
	p.limit(n)
	if p.whole != nil && n > 0 {
		p.copy = append(p.copy, b[:n]...)
		if int64(len(p.copy)) == p.length {
			p.whole(p.copy)
		}
	}
	if err != nil && err != io.EOF {
		p.failure.Store(&err)
	}
	return n, err
}

// hurry bounds the pauses a client may make while it sends a body of known length. One of unknown length may be a
// conversation, in which silence is no fault.
func (p *payload) hurry(control *http.ResponseController, pause time.Duration) {
	p.control, p.pause = control, pause
}

// limit gives the next read its time, or, after the last one, takes the limit away: net/http goes on to watch the
// connection for the client's end.
func (p *payload) limit(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read += int64(n)
	switch {
	case p.control == nil:
	case p.read >= p.length:
		p.control.SetReadDeadline(time.Time{})
	case n == 0:
		p.control.SetReadDeadline(time.Now().Add(p.pause))
	}
}

// end is told when the request is done with. net/http's transport may go on to read the body of a request that was
// answered early, and by then the connection's deadlines belong to the next request.
func (p *payload) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.control = nil
}

// Close does nothing: net/http's transport closes bodies of requests it could not send, and those are sent again.
func (p *payload) Close() error { return nil }

// again lets net/http's transport take another connection for a body that nobody has begun to read.
func (p *payload) again() (io.ReadCloser, error) {
	if p.touched.Load() {
		return nil, errors.New("body was read already")
	}
	return p, nil
}

// broken returns what went wrong on the client's side, if anything did.
func (p *payload) broken() error {
	if p == nil {
		return nil
	}
	if err := p.failure.Load(); err != nil {
		return *err
	}
	return nil
}
