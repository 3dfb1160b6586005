package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"serin.dev/serin/internal/plan"
)

// h2 returns a client that speaks HTTP/2 in clear text.
func (s *stage) h2() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// serveH2 adds an instance that speaks both versions of HTTP in clear text.
func (s *stage) serveH2(track plan.TrackName, name string, h http.HandlerFunc) {
	s.t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	s.t.Cleanup(server.Close)
	s.order.Endpoints[track] = append(s.order.Endpoints[track], plan.Endpoint{Instance: name, URL: server.URL})
}

func TestBodiesArriveWhole(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex() // answers while it is asked, as a proxy must bear
		io.Copy(w, r.Body)
	})
	s.apply()
	for _, client := range []*http.Client{s.client(), s.h2()} {
		for _, n := range []int{0, 1, smallBody - 1, smallBody, smallBody + 1, 1 << 20} {
			for _, known := range []bool{true, false} {
				body := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
				var reader io.Reader = bytes.NewReader(body)
				if !known {
					reader = io.MultiReader(reader)
				}
				resp, err := client.Post(s.url(), "text/plain", reader)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("%s, %d bytes, length known %v: %d came back, %v", resp.Proto, n, known, len(got), err)
				}
			}
		}
	}
	if c := s.proxy.Counted(shop)["v1"]; c.Requests != 24 || c.Failures != 0 {
		t.Errorf("counted %d requests, %d failures", c.Requests, c.Failures)
	}
}

func TestAnswerIsPassedAsItIs(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Set-Cookie"] = []string{"a=1", "b=2"}
		h["Content-Type"] = nil
		h.Set(ErrorHeader, "forged")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("X-Hop", "1")
		h.Set("Connection", "X-Hop")
		w.WriteHeader(http.StatusTeapot)
		if r.Method != http.MethodHead {
			fmt.Fprint(w, "<html>")
		}
	})
	s.apply()
	got := s.get("/")
	if got.StatusCode != http.StatusTeapot || got.body != "<html>" || len(got.Header["Set-Cookie"]) != 2 {
		t.Errorf("got %d %q %v", got.StatusCode, got.body, got.Header)
	}
	for _, name := range []string{ErrorHeader, "Keep-Alive", "X-Hop", "Content-Type", "Serin-Instance"} {
		if _, ok := got.Header[name]; ok {
			t.Errorf("%s came through: %q", name, got.Header[name])
		}
	}
	head, _ := http.NewRequest(http.MethodHead, s.url(), nil)
	if got := s.do(head); got.StatusCode != http.StatusTeapot || got.body != "" {
		t.Errorf("HEAD: got %d %q", got.StatusCode, got.body)
	}
}

func TestTellWhoAnswered(t *testing.T) {
	s := newStage(t, `{"tell": true}`)
	s.serve(plan.Stable, "v1.0", says("ok"))
	s.apply()
	if got := s.get("/").Header.Get("Serin-Instance"); got != "v1.0" {
		t.Errorf("Serin-Instance is %q", got)
	}
}

// Each event must arrive before the next is sent.
func TestStreamsFlow(t *testing.T) {
	s := newStage(t, "")
	next := make(chan struct{})
	for reason, kind := range map[string]string{"events": "text/event-stream", "chunks": "application/json"} {
		s.order.Endpoints = map[plan.TrackName][]plan.Endpoint{}
		s.serve(plan.Stable, reason, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.(http.Flusher).Flush()
			for i := range 3 {
				<-next
				fmt.Fprintf(w, "data: %d\n", i)
				w.(http.Flusher).Flush()
			}
		})
		s.apply()
		resp, err := s.client().Get(s.url()) // returns with the header, before any data
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(resp.Body)
		for i := range 3 {
			next <- struct{}{}
			if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", i) {
				t.Errorf("%s: line %d is %q", reason, i, lines.Text())
			}
		}
		resp.Body.Close()
	}
}

func TestTrailers(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Announced")
		fmt.Fprint(w, "body")
		w.Header().Set("X-Announced", "1")
		w.Header().Set(http.TrailerPrefix+"X-Late", r.Trailer.Get("X-Sum"))
	})
	s.apply()
	r, _ := http.NewRequest(http.MethodPost, s.url(), io.MultiReader(strings.NewReader("x")))
	r.Trailer = http.Header{"X-Sum": {"42"}}
	got := s.do(r)
	if got.Trailer.Get("X-Announced") != "1" || got.Trailer.Get("X-Late") != "42" {
		t.Errorf("trailers %v", got.Trailer)
	}
}

func TestGRPC(t *testing.T) {
	s := newStage(t, "")
	s.serveH2(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" {
			t.Errorf("the backend sees %s, TE %q", r.Proto, r.Header.Get("Te"))
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		w.(http.Flusher).Flush()
		message, _ := io.ReadAll(r.Body)
		w.Write(message)
		w.Header().Set("Grpc-Status", r.Header.Get("X-Status"))
	})
	s.apply()
	for status, failed := range map[string]int64{"0": 0, "5": 0, "13": 1, "14": 1} {
		before := s.proxy.Counted(shop)["v1"]
		r, _ := http.NewRequest(http.MethodPost, s.url()+"/shop.Shop/Buy", strings.NewReader("\x00\x00\x00\x00\x02hi"))
		r.Header.Set("Content-Type", "application/grpc")
		r.Header.Set("Te", "trailers")
		r.Header.Set("X-Status", status)
		resp, err := s.h2().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "\x00\x00\x00\x00\x02hi" || resp.Trailer.Get("Grpc-Status") != status {
			t.Errorf("status %s: body %q, trailers %v", status, body, resp.Trailer)
		}
		s.await("it is counted", func() bool { return s.proxy.Counted(shop)["v1"].Requests == before.Requests+1 })
		if got := s.proxy.Counted(shop)["v1"].Failures - before.Failures; got != failed {
			t.Errorf("status %s is counted as %d failures", status, got)
		}
	}
}

func TestInformationalAnswers(t *testing.T) {
	for _, length := range []int{0, smallBody + 1} { // both carriers
		s := newStage(t, "")
		s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			fmt.Fprint(w, "ok")
		})
		s.apply()
		var hints []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, " ", h.Get("Link")))
			return nil
		}}
		r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodPost, s.url(), strings.NewReader(strings.Repeat("x", length)))
		got := s.do(r)
		if len(hints) != 1 || hints[0] != "103 </a.css>; rel=preload" || got.body != "ok" || got.Header.Get("Link") != "" {
			t.Errorf("hints %q, then %q with %v", hints, got.body, got.Header)
		}
	}
}

func TestExpectContinue(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusExpectationFailed) // the body is never asked for
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	s.apply()
	for _, test := range []struct {
		path string
		n    int
		want string
	}{
		{"/", 10, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"},
		{"/", smallBody + 1, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"},
		{"/no", smallBody + 1, "HTTP/1.1 417"},
	} {
		conn, err := net.Dial("tcp", s.proxy.Addr(shop).String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", test.path, test.n)
		got := make([]byte, len(test.want))
		first := len("HTTP/1.1 100")
		io.ReadFull(conn, got[:first])
		if strings.HasSuffix(string(got[:first]), "100") {
			io.ReadFull(conn, got[first:first+len(" Continue\r\n\r\n")])
			fmt.Fprint(conn, strings.Repeat("x", test.n))
			io.ReadFull(conn, got[first+len(" Continue\r\n\r\n"):])
		}
		conn.Close()
		if string(got) != test.want {
			t.Errorf("%s, %d bytes: got %q, want %q", test.path, test.n, got, test.want)
		}
	}
}

// An answer that breaks off must break off for the client too.
func TestHalfAnswers(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "100")
		}
		fmt.Fprint(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	s.apply()
	for _, path := range []string{"/length", "/chunked"} {
		resp, err := s.client().Get(s.url() + path)
		if err != nil {
			continue // broken off before its header
		}
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: %q was taken for a whole answer", path, body)
		}
		resp.Body.Close()
	}
	s.await("both are counted as failures", func() bool { return s.proxy.Counted(shop)["v1"].Failures == 2 })
}

func TestBrokenBackends(t *testing.T) {
	for _, test := range []struct {
		reason, answer string
		want           Fault
	}{
		{"closes without a word", "", Broken},
		{"does not speak HTTP", "hello\r\n\r\n", Broken},
		{"changes protocol unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", Broken},
		{"an endless header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswerHeader+1), Broken},
	} {
		t.Run(test.reason, func(t *testing.T) {
			s := newStage(t, "")
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			asked := 0
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					asked++
					http.ReadRequest(bufio.NewReader(conn))
					io.WriteString(conn, test.answer)
					conn.Close()
				}
			}()
			s.order.Endpoints[plan.Stable] = []plan.Endpoint{{Instance: "v1", URL: "http://" + l.Addr().String()}}
			s.apply()
			r, _ := http.NewRequest(http.MethodPost, s.url(), strings.NewReader("once"))
			got := s.do(r)
			if got.StatusCode != http.StatusBadGateway || got.Header.Get(ErrorHeader) != string(test.want) {
				t.Errorf("got %d, %v", got.StatusCode, got.Header)
			}
			if c := s.proxy.Counted(shop)["v1"]; c.Failures != 1 || c.Requests != 1 {
				t.Errorf("counted %d failures of %d: a request that may have been seen is not sent twice", c.Failures, c.Requests)
			}
		})
	}
}

// An idle connection that the backend closed must cost no request, not even one that may not be repeated.
func TestClosedIdleConnections(t *testing.T) {
	s := newStage(t, "")
	backend := s.serve(plan.Stable, "v1", says("ok"))
	s.apply()
	for range 20 {
		for range 4 {
			r, _ := http.NewRequest(http.MethodPost, s.url(), strings.NewReader("once"))
			if got := s.do(r); got.body != "ok" {
				t.Fatalf("got %d %q %v", got.StatusCode, got.body, got.Header)
			}
		}
		backend.CloseClientConnections()
	}
}

func TestWebsocket(t *testing.T) {
	s := newStage(t, `{"drain": "300ms"}`)
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if conn.Write(r.Context(), kind, bytes.ToUpper(message)) != nil {
				return
			}
		}
	})
	s.apply()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, s.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for _, n := range []int{1, 125, 126, 1000, 30000} { // all forms of a frame's length but the longest
		if err := conn.Write(ctx, websocket.MessageText, bytes.Repeat([]byte("a"), n)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.Read(ctx); err != nil || string(got) != strings.Repeat("A", n) {
			t.Fatalf("%d bytes: got %d, %v", n, len(got), err)
		}
	}
	tg := s.proxy.target(shop)
	if busy := tg.observe().Busy["v1"]; busy != 1 {
		t.Errorf("with an open websocket the instance is busy with %d", busy)
	}
	s.order.Endpoints[plan.Stable] = nil
	s.apply() // the instance leaves; its drain time begins
	_, _, err = conn.Read(ctx)
	if got := websocket.CloseStatus(err); got != websocket.StatusGoingAway {
		t.Errorf("at the end of the drain time the websocket got %v (%v), want going away", got, err)
	}
	s.await("the instance is free", func() bool { _, busy := tg.observe().Busy["v1"]; return !busy })
}

func TestUpgradeIsRefusedByTheBackend(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "v1", says("no websockets here"))
	s.apply()
	_, resp, err := websocket.Dial(t.Context(), s.url(), nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusOK {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestFramesAreFollowed(t *testing.T) {
	whole := [][]byte{
		{0x81, 0x00},
		append([]byte{0x81, 0x03}, "abc"...),
		append([]byte{0x81, 126, 0x01, 0x00}, make([]byte, 256)...),
		append([]byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, make([]byte, 65536)...),
		append([]byte{0x81, 0x82, 1, 2, 3, 4}, "ab"...), // masked
	}
	for i, frame := range whole {
		for cut := 1; cut < len(frame); cut += 1 + len(frame)/50 {
			var f frames
			f.pass(frame[:cut])
			if f.between() {
				t.Errorf("frame %d is taken for complete after %d of %d bytes", i, cut, len(frame))
			}
			f.pass(frame[cut:])
			if !f.between() {
				t.Errorf("frame %d, cut at %d, is not seen to be complete", i, cut)
			}
		}
	}
}

// SIGTERM: what is under way is answered, what comes later is refused.
func TestCloseDrains(t *testing.T) {
	s := newStage(t, "")
	entered, release := make(chan struct{}), make(chan struct{})
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		fmt.Fprint(w, "done")
	})
	s.apply()
	answer := make(chan string)
	go func() { answer <- s.get("/").body }()
	<-entered
	address := s.proxy.Addr(shop).String()
	closed := make(chan error)
	go func() { closed <- s.proxy.Close(context.Background()) }()
	s.await("the address is closed", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestCloseEndsInTime(t *testing.T) {
	s := newStage(t, "")
	entered := make(chan struct{})
	s.serve(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})
	s.apply()
	failed := make(chan error, 1)
	go func() {
		resp, err := s.client().Get(s.url())
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != http.StatusBadGateway {
				err = fmt.Errorf("status %s", resp.Status)
			}
		}
		failed <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.proxy.Close(ctx); err == nil || !strings.Contains(err.Error(), shop) {
		t.Errorf("close with a hanging request: %v", err)
	}
	if err := <-failed; err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the hanging request: %v", err)
	}
}
