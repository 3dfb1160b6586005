package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"serin.dev/serin/internal/plan"
)

// A recorder is a backend that notes every request it sees.
type recorder struct {
	mu   sync.Mutex
	seen []string
}

func (b *recorder) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, fmt.Sprintf("%s %s %s %q", r.Method, r.URL.RequestURI(), r.Host, body))
}

func (b *recorder) requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.seen...)
}

// raw sends bytes and returns all that comes back until the proxy closes or is silent.
func (s *stage) raw(text string) string {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.proxy.Addr(shop).String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(300 * time.Millisecond))
	io.WriteString(conn, text)
	got, _ := io.ReadAll(conn)
	return string(got)
}

// However requests are framed, no backend may see one that the proxy did not see, nor "/evil" at all.
func TestSmuggling(t *testing.T) {
	const evil = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, test := range []struct {
		reason, request string
		most            int // requests a backend may see at most
	}{
		{"length and chunks: chunks win and the connection ends", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + evil, 1},
		{"chunks and length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + evil, 1},
		{"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n" + evil, 0},
		{"a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 44\r\n\r\n" + evil, 0},
		{"a signed length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n" + evil, 0},
		{"an encoding with a tab in it", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tchunked\x0b\r\nContent-Length: 44\r\n\r\n" + evil, 0},
		{"an unknown encoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n" + evil, 0},
		{"chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + evil, 0},
		{"a space before the colon", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 44\r\n\r\n" + evil, 0},
		{"an encoding in a folded field is a part of that field", "POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\n Transfer-Encoding: chunked\r\nContent-Length: 41\r\n\r\n0\r\n\r\n" + evil, 1},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0},
		{"no host", "GET / HTTP/1.1\r\n\r\n" + evil, 0},
		{"a NUL in a field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 0},
		{"a carriage return in a field", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rContent-Length: 44\r\n\r\n", 0},
		{"a chunk size with a sign", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-0\r\n\r\n" + evil, 1},
		{"a chunk longer than it says", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n" + evil, 1},
		{"an upgrade to h2c", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", 1},
		{"CONNECT", "CONNECT evil:80 HTTP/1.1\r\nHost: evil:80\r\n\r\n" + evil, 0},
		{"a space in the target", "GET /x HTTP/1.1\r\nX: HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 1},
	} {
		t.Run(test.reason, func(t *testing.T) {
			var backend recorder
			s := newStage(t, "")
			s.serve(plan.Stable, "v1", backend.serve)
			s.apply()
			answer := s.raw(test.request)
			seen := backend.requests()
			if len(seen) > test.most || strings.Contains(strings.Join(seen, "\n"), "GET /evil a") {
				t.Errorf("the backend saw %q, the client %q", seen, answer)
			}
			if strings.Contains(answer, " 101 ") {
				t.Errorf("the client was switched: %q", answer)
			}
			if s.get("/after").StatusCode != http.StatusOK {
				t.Error("afterwards the proxy does not answer")
			}
			if got := backend.requests(); got[len(got)-1] != fmt.Sprintf("GET /after %s %q", strings.TrimPrefix(s.url(), "http://"), "") {
				t.Errorf("the next request arrived as %q", got[len(got)-1])
			}
		})
	}
}

// A request pipelined behind another one is a request of its own and not lost.
func TestPipelining(t *testing.T) {
	var backend recorder
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", backend.serve)
	s.apply()
	s.raw("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
	if got := fmt.Sprint(backend.requests()); got != `[POST /1 a "hi" GET /2 a ""]` {
		t.Errorf("the backend saw %s", got)
	}
}

// HTTP/2 fields may carry what would end a line of HTTP/1, or its words.
func TestHTTP2Downgrade(t *testing.T) {
	plain := map[string]string{":method": "GET", ":scheme": "http", ":path": "/ok", ":authority": "a"}
	for _, test := range []struct {
		reason string
		with   map[string]string
	}{
		{"a space in the query", map[string]string{":path": "/?x HTTP/1.1"}},
		{"a line end in the path", map[string]string{":path": "/ HTTP/1.1\r\nX: 1"}},
		{"a space in the method", map[string]string{":method": "GET /evil HTTP/1.1\r\nX:"}},
		{"words in the method", map[string]string{":method": "GET /evil"}},
		{"a line end in the authority", map[string]string{":authority": "a\r\nX: 1"}},
		{"a space in the authority", map[string]string{":authority": "a b"}},
		{"a path in the authority", map[string]string{":authority": "a/evil?"}},
		{"a line end in a field", map[string]string{"x-a": "1\r\nX-B: 2"}},
		{"a line end in a name", map[string]string{"x-a: 1\r\nx-b": "2"}},
		{"an encoding", map[string]string{"transfer-encoding": "chunked"}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			var backend recorder
			s := newStage(t, "")
			s.serve(plan.Stable, "v1", backend.serve)
			s.apply()
			fields := map[string]string{}
			for _, set := range []map[string]string{plain, test.with} {
				for name, value := range set {
					fields[name] = value
				}
			}
			s.rawH2(fields)
			if got := backend.requests(); len(got) != 0 {
				t.Errorf("the backend saw %q", got)
			}
		})
	}
	var backend recorder
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", backend.serve)
	s.apply()
	s.rawH2(plain)
	if got := fmt.Sprint(backend.requests()); got != `[GET /ok a ""]` {
		t.Errorf("a plain request arrives as %s", got)
	}
}

// rawH2 sends one request of the given fields and waits for the stream to end.
func (s *stage) rawH2(fields map[string]string) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.proxy.Addr(shop).String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	framer.WriteSettings()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, name := range []string{":method", ":scheme", ":path", ":authority"} {
		encoder.WriteField(hpack.HeaderField{Name: name, Value: fields[name]})
	}
	for name, value := range fields {
		if name[0] != ':' {
			encoder.WriteField(hpack.HeaderField{Name: name, Value: value})
		}
	}
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch frame.Header().Type {
		case http2.FrameRSTStream, http2.FrameGoAway:
			return
		case http2.FrameHeaders, http2.FrameData:
			if frame.Header().Flags.Has(http2.FlagDataEndStream) {
				return
			}
		}
	}
}

func TestLimits(t *testing.T) {
	var backend recorder
	s := newStage(t, `{"limits": {"headerBytes": 8192, "bodyBytes": 100000}, "timeouts": {"header": "150ms"}}`)
	s.serve(plan.Stable, "v1", backend.serve)
	s.apply()
	if got := s.raw("GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 16<<10) + "\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 431") {
		t.Errorf("a long header got %.40q", got)
	}
	r, _ := http.NewRequest(http.MethodPost, s.url(), strings.NewReader(strings.Repeat("x", 100001)))
	if got := s.do(r); got.StatusCode != http.StatusRequestEntityTooLarge || got.Header.Get(ErrorHeader) != string(TooLarge) {
		t.Errorf("a long body got %d", got.StatusCode)
	}
	if got := backend.requests(); len(got) != 0 {
		t.Errorf("the backend saw %d requests that are over the limits", len(got))
	}
	r, _ = http.NewRequest(http.MethodPost, s.url(), io.MultiReader(strings.NewReader(strings.Repeat("x", 200000))))
	if got := s.do(r); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body of unknown length got %d", got.StatusCode)
	}
	if c := s.proxy.Counted(shop)["v1"]; c.Failures != 0 {
		t.Errorf("the client's fault is counted as %d failures of the backend", c.Failures)
	}
	begun := time.Now()
	conn, err := net.Dial("tcp", s.proxy.Addr(shop).String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nX: slow")
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadAll(conn); err != nil || time.Since(begun) > 3*time.Second {
		t.Errorf("a slow header was borne for %s: %v", time.Since(begun), err)
	}
}

func TestConnectionLimit(t *testing.T) {
	s := newStage(t, `{"limits": {"connections": 2}}`)
	s.serve(plan.Stable, "v1", says("ok"))
	s.apply()
	ask := func(conn net.Conn) error {
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", s.proxy.Addr(shop).String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	for _, conn := range conns[:2] {
		if err := ask(conn); err != nil {
			t.Fatal(err)
		}
	}
	conns[2].SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if err := ask(conns[2]); err == nil {
		t.Error("the third connection was served beside two")
	}
	conns[0].Close()
	conns[2].SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := http.ReadResponse(bufio.NewReader(conns[2]), nil); err != nil {
		t.Errorf("the third connection was not served after the first had left: %v", err)
	}
}

// A client that reads nothing must not keep others from being answered, nor an instance from leaving.
func TestClientThatDoesNotRead(t *testing.T) {
	s := newStage(t, `{"drain": "100ms"}`)
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/big" {
			w.Write(make([]byte, 32<<20))
		}
	})
	s.apply()
	conn, err := net.Dial("tcp", s.proxy.Addr(shop).String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
	tg := s.proxy.target(shop)
	s.await("the answer is stuck", func() bool { return tg.observe().Busy["v1"] == 1 })
	for range 10 {
		if got := s.get("/small"); got.StatusCode != http.StatusOK {
			t.Fatalf("got %d", got.StatusCode)
		}
	}
	s.order.Endpoints[plan.Stable] = nil
	s.apply()
	s.await("the instance is free", func() bool { _, busy := tg.observe().Busy["v1"]; return !busy })
}

func TestSlowBodies(t *testing.T) {
	var backend recorder
	s := newStage(t, `{"timeouts": {"body": "100ms"}}`)
	s.serve(plan.Stable, "v1", backend.serve)
	s.apply()
	for _, length := range []int{100, smallBody + 100} {
		conn, err := net.Dial("tcp", s.proxy.Addr(shop).String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nslow", length)
		got, err := io.ReadAll(conn) // an answer where one can still be given, and the end in any case
		if err != nil || len(got) > 0 && !strings.HasPrefix(string(got), "HTTP/1.1 400") {
			t.Errorf("a body of %d bytes that does not come: %.40q, %v", length, got, err)
		}
	}
	if c := s.proxy.Counted(shop)["v1"]; c.Failures != 0 {
		t.Errorf("slow clients are counted as %d failures of the backend", c.Failures)
	}
	r, _ := http.NewRequest(http.MethodPost, s.url(), strings.NewReader("quick"))
	if got := s.do(r); got.StatusCode != http.StatusOK {
		t.Errorf("a quick body got %d", got.StatusCode)
	}
}

// A time limit on a body must not end the wait for its answer.
func TestSlowAnswerToAQuickBody(t *testing.T) {
	s := newStage(t, `{"timeouts": {"body": "50ms"}}`)
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(150 * time.Millisecond):
		case <-r.Context().Done():
			t.Error("the request was given up")
		}
	})
	s.apply()
	for _, length := range []int{100, smallBody + 100} {
		r, _ := http.NewRequest(http.MethodPost, s.url(), strings.NewReader(strings.Repeat("x", length)))
		if got := s.do(r); got.StatusCode != http.StatusOK {
			t.Errorf("%d bytes: got %d", length, got.StatusCode)
		}
	}
}

// A panic while serving is one failed request and a line in the log, not the end of the program.
func TestPanicIsContained(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", says("ok"))
	s.apply()
	tg := s.proxy.target(shop)
	good := tg.table.Load()
	bad := *good
	bad.claims = []claim{{path: &test{fits: func(string) bool { panic("a fault of the proxy") }}}}
	tg.table.Store(&bad)
	if got := s.get("/"); got.StatusCode != http.StatusInternalServerError || got.Header.Get(ErrorHeader) != string(Internal) {
		t.Errorf("got %d %v", got.StatusCode, got.Header)
	}
	tg.table.Store(good)
	if got := s.get("/"); got.body != "ok" {
		t.Errorf("afterwards got %q", got.body)
	}
}
