package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// maxAnswerHeader bounds the header of an answer, 1xx answers included.
const maxAnswerHeader = 1 << 20

// A wire carries the common case, HTTP/1.1 requests whose body is at hand: written and answered by the goroutine that
// serves the client, on a connection of its own. net/http's transport hands every request to two other goroutines,
// which costs about as much again as all the rest of the proxy; parsing of answers is net/http's own.
type wire struct {
	instance *instance
	reuse    time.Duration

	mu       sync.Mutex
	idle     []*line // the most recently used last
	sweeping bool
}

// A line is one connection to the instance.
type line struct {
	conn  net.Conn
	in    *bufio.Reader
	out   *bufio.Writer
	alive func() bool // whether the other end still listens, at the price of one system call
	left  int64       // bytes that may still be read
	got   bool        // something of the present answer was read
	wrote bool        // something of the present request was written
	since time.Time   // when it became idle
}

var errHeaderTooLong = errors.New("header of the answer is too long")

// Read is what the buffered reader reads from.
func (l *line) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errHeaderTooLong
	}
	n, err := l.conn.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	l.got = l.got || n > 0
	return n, err
}

// Write is what the buffered writer writes to.
func (l *line) Write(p []byte) (int, error) {
	n, err := l.conn.Write(p)
	l.wrote = l.wrote || n > 0
	return n, err
}

// send carries the message and returns the answer as soon as its header is there. The answer's body must be read to its
// end or closed.
func (w *wire) send(m *message) (*http.Response, error) {
	for {
		l, reused, err := w.take(m)
		if err != nil {
			return nil, err
		}
		resp, err := w.exchange(l, m)
		if err == nil {
			return resp, nil
		}
		again := !l.wrote || (m.idempotent() && !l.got && !isTimeout(err))
		if reused && again && m.ctx.Err() == nil {
			continue
		}
		if !l.wrote {
			err = &unsentError{err}
		}
		return nil, err
	}
}

// take returns an idle connection or a new one. A request that must not be repeated gets an idle one only after a look
// whether it is still open.
func (w *wire) take(m *message) (l *line, reused bool, err error) {
	for {
		if l = w.pop(); l == nil {
			break
		}
		if m.idempotent() || l.alive() {
			return l, true, nil
		}
		l.conn.Close()
	}
	conn, err := w.instance.dial(m.ctx)
	if err != nil {
		return nil, false, err
	}
	l = &line{conn: conn, alive: liveness(conn)}
	l.in, l.out = bufio.NewReaderSize(l, 4<<10), bufio.NewWriterSize(l, 4<<10)
	return l, false, nil
}

// pop returns the connection used last, which is the least likely to have been closed by the other end.
func (w *wire) pop() *line {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.idle)
	if n == 0 || time.Since(w.idle[n-1].since) > w.reuse {
		return nil
	}
	l := w.idle[n-1]
	w.idle = w.idle[:n-1]
	return l
}

// push keeps a connection for the next request.
func (w *wire) push(l *line) {
	l.since = time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = append(w.idle, l)
	if !w.sweeping {
		w.sweeping = true
		time.AfterFunc(w.reuse, w.sweep)
	}
}

// sweep closes what was idle for too long, and comes again for as long as something is idle.
func (w *wire) sweep() {
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := slices.IndexFunc(w.idle, func(l *line) bool { return time.Since(l.since) < w.reuse })
	if fresh < 0 {
		fresh = len(w.idle)
	}
	for _, l := range w.idle[:fresh] {
		l.conn.Close()
	}
	w.idle = slices.Delete(w.idle, 0, fresh)
	if w.sweeping = len(w.idle) > 0; w.sweeping {
		time.AfterFunc(w.reuse, w.sweep)
	}
}

func (w *wire) closeIdle() {
	w.mu.Lock()
	idle := w.idle
	w.idle = nil
	w.mu.Unlock()
	for _, l := range idle {
		l.conn.Close()
	}
}

// exchange writes the message and reads the header of the answer. On an error the connection is closed.
func (w *wire) exchange(l *line, m *message) (*http.Response, error) {
	l.wrote, l.got = false, false
	stop := context.AfterFunc(m.ctx, func() { l.conn.SetDeadline(time.Unix(1, 0)) })
	l.conn.SetDeadline(time.Now().Add(w.instance.response))
	err := m.ctx.Err()
	var resp *http.Response
	if err == nil {
		err = l.write(m, w.instance)
	}
	if err == nil {
		resp, err = l.read(m)
	}
	if err != nil {
		stop()
		l.conn.Close()
		return nil, err
	}
	end := &ending{wire: w, line: l, stop: stop, keep: !resp.Close}
	if resp.Body == http.NoBody {
		end.finish(true)
		return resp, nil
	}
	l.conn.SetDeadline(time.Time{})
	if m.ctx.Err() != nil {
		l.conn.SetDeadline(time.Unix(1, 0)) // the reset above may have come after the one that ends the request
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, ending: end}
	return resp, nil
}

// write sends request line, header and body.
func (l *line) write(m *message, to *instance) error {
	out, r := l.out, m.in
	out.WriteString(r.Method)
	out.WriteByte(' ')
	out.WriteString(to.path(r))
	out.WriteString(" HTTP/1.1\r\nHost: ")
	out.WriteString(to.host(r))
	out.WriteString("\r\n")
	m.fields(func(name, value string) {
		out.WriteString(name)
		out.WriteString(": ")
		out.WriteString(value)
		out.WriteString("\r\n")
	})
	if len(m.body) > 0 || hasBody(r.Method) {
		out.WriteString("Content-Length: ")
		out.Write(strconv.AppendInt(out.AvailableBuffer(), int64(len(m.body)), 10))
		out.WriteString("\r\n")
	}
	out.WriteString("\r\n")
	out.Write(m.body)
	return out.Flush()
}

// hasBody reports whether servers expect a length with the method even where it is zero.
func hasBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// read returns the final answer; earlier 1xx answers are passed on as they come.
func (l *line) read(m *message) (*http.Response, error) {
	l.left = maxAnswerHeader
	for {
		resp, err := http.ReadResponse(l.in, m.in)
		if err != nil {
			return nil, err
		}
		switch code := resp.StatusCode; {
		case code == http.StatusSwitchingProtocols:
			return nil, errors.New("changes protocol without being asked")
		case code >= 200:
			l.left = math.MaxInt64
			return resp, nil
		case code >= 102 && m.inform != nil:
			m.inform(code, resp.Header)
		}
	}
}

// An ending decides what becomes of a connection after its answer: it is kept only when the answer was read to its
// end, nothing follows it, and nobody interfered.
type ending struct {
	wire *wire
	line *line
	stop func() bool
	keep bool
	done bool
}

func (e *ending) finish(whole bool) {
	if e.done {
		return
	}
	e.done = true
	if undisturbed := e.stop(); whole && undisturbed && e.keep && e.line.in.Buffered() == 0 && !e.wire.instance.gone.Load() {
		e.wire.push(e.line)
		return
	}
	e.line.conn.Close()
}

// An answerBody gives its connection back at its end.
type answerBody struct {
	io.ReadCloser
	*ending
}

// Read reads on, and finishes with the connection at the end.
func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.finish(err == io.EOF)
	}
	return n, err
}

// Close gives up what was not read, with its connection.
func (b *answerBody) Close() error {
	b.finish(false)
	return nil
}

// buffered returns how much can be read without waiting.
func (b *answerBody) buffered() int { return b.line.in.Buffered() }

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
