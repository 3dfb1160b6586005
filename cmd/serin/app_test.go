package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// appSettings names the variable that turns this test binary into an application. Its value is written like a query:
//
//	version=v2        said in the header and the body of every answer
//	fail=0.2          this share of the requests is answered with 500
//	delay=50ms        before every answer
//	boot=2s           until it is healthy; "never" for one that never is
//	crash=start       ends at once with an error; a number: after so many requests; a duration: after so long
//	deaf=1            ignores SIGTERM
//	hang=1            accepts requests and never answers
//	metrics=nan       or hang, huge: what /metrics answers; default a true histogram
const appSettings = "SERIN_TEST_APP"

// An app is the application under release.
type app struct {
	settings       url.Values
	healthy        atomic.Bool
	requests, errs atomic.Int64
}

func runApp(text string) {
	settings, err := url.ParseQuery(text)
	if err != nil {
		fatal("read settings: %v", err)
	}
	a := &app{settings: settings}
	a.begin()
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", a.health)
	mux.HandleFunc("/metrics", a.metrics)
	mux.HandleFunc("/slow", a.slow)
	mux.HandleFunc("/stream", a.stream)
	mux.HandleFunc("/upgrade", a.upgrade)
	mux.HandleFunc("/", a.answer)
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: mux}
	ended := make(chan struct{})
	go func() { a.awaitEnd(server); close(ended) }()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fatal("serve: %v", err)
	}
	<-ended
}

func fatal(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(3)
}

// begin does what is to happen at the start or some time after it.
func (a *app) begin() {
	if boot := a.settings.Get("boot"); boot != "never" {
		d, _ := time.ParseDuration(boot)
		time.AfterFunc(d, func() { a.healthy.Store(true) })
	}
	crash := a.settings.Get("crash")
	if crash == "start" {
		fatal("no database at db.example:5432")
	}
	if d, err := time.ParseDuration(crash); err == nil {
		time.AfterFunc(d, func() { fatal("out of luck") })
	}
}

func (a *app) awaitEnd(server *http.Server) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	<-c
	if a.settings.Has("deaf") {
		select {}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	server.Shutdown(ctx)
}

func (a *app) health(w http.ResponseWriter, _ *http.Request) {
	if !a.healthy.Load() {
		http.Error(w, "warming up", http.StatusServiceUnavailable)
	}
}

// answer is the application's work.
func (a *app) answer(w http.ResponseWriter, r *http.Request) {
	n := a.requests.Add(1)
	if limit, err := strconv.ParseInt(a.settings.Get("crash"), 10, 64); err == nil && n > limit {
		fatal("a request too many")
	}
	if a.settings.Has("hang") {
		<-r.Context().Done()
		return
	}
	if d, _ := time.ParseDuration(a.settings.Get("delay")); d > 0 {
		time.Sleep(d)
	}
	w.Header().Set("Version", a.settings.Get("version"))
	if share, _ := strconv.ParseFloat(a.settings.Get("fail"), 64); rand.Float64() < share {
		a.errs.Add(1)
		w.WriteHeader(http.StatusInternalServerError)
	}
	io.WriteString(w, a.settings.Get("version")+"\n")
}

// slow takes as long as it is asked to.
func (a *app) slow(w http.ResponseWriter, r *http.Request) {
	d, _ := time.ParseDuration(r.URL.Query().Get("for"))
	time.Sleep(d)
	w.Header().Set("Version", a.settings.Get("version"))
	io.WriteString(w, "done\n")
}

// stream writes a line every 100 ms for as long as it is asked to.
func (a *app) stream(w http.ResponseWriter, r *http.Request) {
	d, _ := time.ParseDuration(r.URL.Query().Get("for"))
	w.Header().Set("Version", a.settings.Get("version"))
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		io.WriteString(w, "line\n")
		http.NewResponseController(w).Flush()
	}
	io.WriteString(w, "end\n")
}

// upgrade switches protocols and echoes bytes until the client leaves.
func (a *app) upgrade(w http.ResponseWriter, _ *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	io.Copy(conn, buffered)
}

// metrics are Prometheus text, or what endpoints do to those who ask.
func (a *app) metrics(w http.ResponseWriter, r *http.Request) {
	errs := a.errs.Load()
	n := strconv.FormatInt(a.requests.Load()-errs, 10)
	switch a.settings.Get("metrics") {
	case "hang":
		<-r.Context().Done()
		return
	case "huge":
		line := []byte("# " + string(make([]byte, 64<<10)) + "\n")
		for range 1 << 14 {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	case "nan":
		n, errs = "NaN", 0
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintln(w, "# TYPE http_request_duration_seconds histogram")
	series := func(status, count string) {
		for _, le := range []string{"0.01", "0.1", "1", "+Inf"} {
			fmt.Fprintf(w, "http_request_duration_seconds_bucket{status=%q,le=%q} %s\n", status, le, count)
		}
		fmt.Fprintf(w, "http_request_duration_seconds_sum{status=%q} 0\nhttp_request_duration_seconds_count{status=%q} %s\n", status, status, count)
	}
	series("200", n)
	if errs > 0 {
		series("500", strconv.FormatInt(errs, 10))
	}
}
