package proxy

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// switchProtocols joins client and instance after a 101: from here on bytes go both ways until one side ends it. The
// request stays under way, and its instance busy, for as long.
func (x *exchange) switchProtocols(in *instance, resp *http.Response) {
	backend, ok := resp.Body.(io.ReadWriteCloser)
	if !ok || !strings.EqualFold(resp.Header.Get("Upgrade"), x.msg.upgrade) {
		resp.Body.Close()
		x.refuse(Broken)
		return
	}
	defer backend.Close()
	h := x.w.Header()
	copyAnswerHeader(h, resp.Header)
	delete(h, "Content-Type")
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", resp.Header.Get("Upgrade"))
	if x.way.cookie != nil {
		h.Add("Set-Cookie", x.way.cookie.String())
	}
	x.started = true
	x.w.WriteHeader(http.StatusSwitchingProtocols)
	client, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer client.Close()
	if err := buffered.Flush(); err != nil {
		return
	}
	client.SetDeadline(time.Time{})
	t := &tunnel{client: client, backend: backend, websocket: strings.EqualFold(x.msg.upgrade, "websocket")}
	forget := in.tunnels.add(t)
	defer forget()
	t.run(buffered)
}

// A tunnel is a connection that changed its protocol.
type tunnel struct {
	client    net.Conn
	backend   io.ReadWriteCloser
	websocket bool

	mu     sync.Mutex // held while something is written to the client
	frames frames
	closed bool
}

// run copies both ways until both directions are at their end, or one has broken.
func (t *tunnel) run(fromClient io.Reader) {
	done := make(chan error, 2)
	go func() {
		_, err := io.Copy(t.backend, fromClient)
		if err == nil {
			err = io.EOF
		}
		done <- err
	}()
	go func() {
		_, err := io.Copy(tunnelEnd{t}, t.backend)
		if err == nil {
			err = io.EOF
		}
		done <- err
	}()
	<-done // either end is the end of both: no protocol we know of goes on in one direction only
	t.client.Close()
	t.backend.Close()
	<-done
}

// A tunnelEnd writes to the client and keeps track of where websocket frames end.
type tunnelEnd struct{ *tunnel }

func (e tunnelEnd) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return 0, net.ErrClosed
	}
	n, err := e.client.Write(p)
	if e.websocket {
		e.frames.pass(p[:n])
	}
	return n, err
}

// end closes the tunnel. A websocket client is told so with a close frame, "going away" (RFC 6455, section 7.4.1), so that it
// connects anew instead of suspecting its network; in the middle of a frame that is not possible.
func (t *tunnel) end() {
	t.client.SetWriteDeadline(time.Now().Add(time.Second)) // frees the lock from a client that does not read
	t.mu.Lock()
	if t.websocket && !t.closed && t.frames.between() {
		const goingAway = 1001
		t.client.Write([]byte{0x88, 2, goingAway >> 8, goingAway & 0xff})
	}
	t.closed = true
	t.mu.Unlock()
	t.client.Close()
	t.backend.Close()
}

// frames follows the frames of one direction of a websocket (RFC 6455, section 5.2) just far enough to know where they end.
type frames struct {
	header [14]byte
	have   int    // bytes of the header seen
	left   uint64 // bytes of the payload to come
}

// between reports whether the last frame is complete.
func (f *frames) between() bool { return f.have == 0 && f.left == 0 }

func (f *frames) pass(p []byte) {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, uint64(len(p)))
			f.left -= n
			p = p[n:]
			continue
		}
		f.header[f.have] = p[0]
		f.have++
		p = p[1:]
		if f.have >= 2 && f.have == f.size() {
			f.left = f.length()
			f.have = 0
		}
	}
}

// size returns the length of the header, which its second byte tells.
func (f *frames) size() int {
	n := 2
	switch f.header[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.header[1]&0x80 != 0 {
		n += 4 // the mask
	}
	return n
}

func (f *frames) length() uint64 {
	switch short := f.header[1] & 0x7f; short {
	case 126:
		return uint64(f.header[2])<<8 | uint64(f.header[3])
	case 127:
		var n uint64
		for _, b := range f.header[2:10] {
			n = n<<8 | uint64(b)
		}
		return n
	default:
		return uint64(short)
	}
}

// tunnels are those of one instance.
type tunnels struct {
	mu   sync.Mutex
	open map[*tunnel]struct{}
}

func (ts *tunnels) add(t *tunnel) (forget func()) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.open == nil {
		ts.open = map[*tunnel]struct{}{}
	}
	ts.open[t] = struct{}{}
	return func() {
		ts.mu.Lock()
		defer ts.mu.Unlock()
		delete(ts.open, t)
	}
}

// end ends all of them at once.
func (ts *tunnels) end() {
	ts.mu.Lock()
	open := make([]*tunnel, 0, len(ts.open))
	for t := range ts.open {
		open = append(open, t)
	}
	ts.mu.Unlock()
	var wg sync.WaitGroup
	for _, t := range open {
		wg.Go(t.end)
	}
	wg.Wait()
}
