package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A door is an address that is listened on. It outlives the servers behind it, so that changed settings close no door.
type door struct {
	address  string
	listener *net.TCPListener
	arrived  chan net.Conn
	done     chan struct{} // accept has ended
	shut     chan struct{} // nobody takes connections any more
	once     sync.Once
}

func openDoor(address string) (*door, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s: the address is in use by another program", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	d := &door{
		address: address, listener: listener.(*net.TCPListener),
		arrived: make(chan net.Conn), done: make(chan struct{}), shut: make(chan struct{}),
	}
	go d.accept()
	return d, nil
}

// accept hands connections to whichever server takes them. Errors pass (too many open files); until they do it waits
// between two tries.
func (d *door) accept() {
	defer close(d.done)
	defer d.listener.Close()
	for {
		conn, err := d.listener.Accept()
		switch {
		case err == nil:
			select {
			case d.arrived <- conn:
			case <-d.shut:
				conn.Close()
				return
			}
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return
		default:
			select {
			case <-time.After(10 * time.Millisecond):
			case <-d.shut:
				return
			}
		}
	}
}

// How long a closing door goes on to accept, and how long the last to come in may wait for a place. The kernel
// completes connections by itself, and resets those it still holds when a listener is closed; that cannot be helped, only
// be kept to the instant between the last accept and the close.
const (
	lastCall = 5 * time.Millisecond
	lastWait = 2 * time.Second
)

// close lets in who is at the door already, and closes it. The server behind it must leave only afterwards.
func (d *door) close() {
	d.once.Do(func() {
		d.listener.SetDeadline(time.Now().Add(lastCall))
		select {
		case <-d.done:
		case <-time.After(lastCall + lastWait):
		}
		close(d.shut)
		<-d.done
	})
}

// A server answers the connections of a door under one set of settings.
type server struct {
	http     *http.Server
	entrance *entrance
	settings serverSettings
	leaving  atomic.Bool
	done     chan struct{}
}

// serverSettings are those that net/http takes only at the start of a server.
type serverSettings struct {
	tls          TLS
	http2        bool
	header, idle Duration
	headerBytes  int
	connections  int
}

func (c *config) server() serverSettings {
	s := serverSettings{
		http2: c.http2, header: c.Timeouts.Header, idle: c.Timeouts.Idle,
		headerBytes: c.Limits.HeaderBytes, connections: c.Limits.Connections,
	}
	if c.TLS != nil {
		s.tls = *c.TLS
	}
	return s
}

func newServer(s serverSettings, handler http.Handler, logger *slog.Logger) (*server, error) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(s.http2 && s.tls != TLS{})
	protocols.SetUnencryptedHTTP2(s.http2 && s.tls == TLS{})
	srv := &server{settings: s, done: make(chan struct{})}
	srv.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if srv.leaving.Load() {
				w.Header().Set("Connection", "close") // in HTTP/2 net/http makes a GOAWAY of it
			}
			handler.ServeHTTP(w, r)
		}),
		Protocols:         protocols,
		ReadHeaderTimeout: time.Duration(s.header), IdleTimeout: time.Duration(s.idle), MaxHeaderBytes: s.headerBytes,
		ErrorLog: log.New(logWriter{logger}, "", 0),
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 250, SendPingTimeout: time.Duration(s.idle)},
	}
	if s.tls != (TLS{}) {
		pair, err := tls.LoadX509KeyPair(s.tls.Cert, s.tls.Key)
		if err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		srv.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	return srv, nil
}

// start begins to take connections from the door.
func (s *server) start(d *door) {
	s.entrance = &entrance{door: d, places: make(chan struct{}, s.settings.connections), closed: make(chan struct{})}
	go func() {
		defer close(s.done)
		if s.http.TLSConfig != nil {
			s.http.ServeTLS(s.entrance, "", "")
			return
		}
		s.http.Serve(s.entrance)
	}()
}

// leave takes no more connections and asks those that are open to go, with the next answer.
func (s *server) leave() {
	s.leaving.Store(true)
	s.entrance.Close()
}

// stop answers what is under way and ends, when the context ends at the latest. First it lingers until clients have
// closed their connections, for at most the given time: net/http's own Shutdown drops requests that it has just read.
func (s *server) stop(ctx context.Context, linger time.Duration) error {
	s.leave()
	<-s.done // all who came in are counted now
	awaitQuiet(ctx, linger, func() bool { return s.entrance.inside.Load() == 0 })
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
	}
	return err
}

// awaitQuiet looks every few milliseconds whether it is quiet, for at most the given time.
func awaitQuiet(ctx context.Context, most time.Duration, quiet func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !quiet() {
		select {
		case <-look.C:
		case <-ctx.Done():
			return quiet()
		}
	}
	return true
}

// An entrance is what one server sees of a door: a listener that admits a bounded number of connections.
type entrance struct {
	door   *door
	places chan struct{}
	closed chan struct{}
	once   sync.Once
	inside atomic.Int64
}

// Accept waits for a place first: connections beyond the limit wait with the kernel, as they would for a busy server.
func (e *entrance) Accept() (net.Conn, error) {
	select {
	case e.places <- struct{}{}:
	case <-e.closed:
		return nil, net.ErrClosed
	}
	select {
	case conn := <-e.door.arrived:
		e.inside.Add(1)
		return &visitor{Conn: conn, entrance: e}, nil
	case <-e.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept; the door stays open for the next server.
func (e *entrance) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

// Addr returns the address of the door.
func (e *entrance) Addr() net.Addr { return e.door.listener.Addr() }

// A visitor gives its place back when it leaves.
type visitor struct {
	net.Conn
	entrance *entrance
	once     sync.Once
}

// Close closes the connection.
func (v *visitor) Close() error {
	err := v.Conn.Close()
	v.once.Do(func() {
		v.entrance.inside.Add(-1)
		<-v.entrance.places
	})
	return err
}

// logWriter receives what net/http has to say about single connections, which is of interest to those who look for it.
type logWriter struct{ log *slog.Logger }

func (w logWriter) Write(p []byte) (int, error) {
	w.log.Debug("serve connection", "message", string(p))
	return len(p), nil
}
