package loadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func run(t *testing.T, o Options) Report {
	t.Helper()
	test, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return test.Run(t.Context())
}

func TestClassesTellWhoFailed(t *testing.T) {
	var n atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does net/http watch for the client's end
		switch n.Add(1) % 5 {
		case 0:
			w.WriteHeader(http.StatusNotFound)
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			w.Header().Set(ErrorHeader, "unreachable")
			w.WriteHeader(http.StatusBadGateway)
		case 3:
			panic(http.ErrAbortHandler)
		case 4:
			<-r.Context().Done()
		}
	})
	// POST: net/http repeats a GET whose connection broke, and the fifth part would be counted twice.
	got := run(t, Options{URL: url, Body: []byte("x"), Workers: 1, Requests: 10, Timeout: 50 * time.Millisecond})
	want := Tally{Requests: 10, Answered: 2, ByBackend: 2, ByProxy: 2, ByNetwork: 2, TimedOut: 2, Latency: got.Total.Latency}
	if got.Total != want {
		t.Errorf("got %s, want %s", got.Total, want)
	}
	if got.Total.Failures() != 8 || got.Total.Lost() != 6 {
		t.Errorf("failures %d, lost %d, want 8 and 6", got.Total.Failures(), got.Total.Lost())
	}
	if got.Statuses[404] != 2 || got.Statuses[500] != 2 || got.Statuses[502] != 2 || got.Faults["unreachable"] != 2 {
		t.Errorf("statuses %v, faults %v", got.Statuses, got.Faults)
	}
}

// A server that stalls once must show in all requests that were due meanwhile.
func TestStallIsNotOmitted(t *testing.T) {
	const stall = 300 * time.Millisecond
	var n atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 10 {
			select {
			case <-time.After(stall):
			case <-r.Context().Done():
			}
		}
	})
	// One worker: while it is held up, 60 further requests become due.
	got := run(t, Options{URL: url, Rate: 200, Workers: 1, Requests: 100})
	if got.Total.Answered != 100 {
		t.Fatalf("got %s", got)
	}
	if p90 := time.Duration(got.Total.Latency.P90); p90 < stall/2 {
		t.Errorf("p90 is %s: the requests that were due during the stall of %s are left out", p90, stall)
	}
	if p50 := time.Duration(got.Total.Latency.P50); p50 > stall {
		t.Errorf("p50 is %s: more requests are slow than were due during the stall", p50)
	}
}

func TestRateIsKept(t *testing.T) {
	url := serve(t, func(http.ResponseWriter, *http.Request) {})
	got := run(t, Options{URL: url, Rate: 500, Duration: 400 * time.Millisecond})
	if got.Total.Requests != 200 || got.Missed != 0 {
		t.Errorf("got %d requests and %d missed, want 200 and 0", got.Total.Requests, got.Missed)
	}
}

func TestOverloadIsTold(t *testing.T) {
	release := make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	time.AfterFunc(200*time.Millisecond, func() { close(release) })
	got := run(t, Options{URL: url, Rate: 200, Workers: 2, Duration: 100 * time.Millisecond})
	if got.Total.Requests+got.Missed != 20 || got.Missed < 15 {
		t.Errorf("got %d requests and %d missed, want 20 together, nearly all of them missed", got.Total.Requests, got.Missed)
	}
}

func TestGroups(t *testing.T) {
	var n atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		version := "v1"
		if n.Add(1)%4 == 0 {
			version = "v2"
			w.Header().Set("X-Version", version)
			w.WriteHeader(http.StatusInternalServerError)
		}
		w.Header().Set("X-Version", version)
		fmt.Fprintf(w, `{"version":%q,"n":1}`, version)
	})
	for reason, group := range map[string]func(*http.Response, []byte) string{
		"by a header": ByHeader("X-Version"), "by a field": ByField("version"),
	} {
		n.Store(0)
		got := run(t, Options{URL: url, Workers: 2, Requests: 40, Group: group})
		if v1, v2 := got.Groups["v1"], got.Groups["v2"]; v1.Requests != 30 || v1.Failures() != 0 || v2.ByBackend != 10 || v2.Requests != 10 {
			t.Errorf("%s: got %s", reason, got)
		}
	}
	if got := ByField("version")(nil, []byte("no json")); got != "" {
		t.Errorf("what is not JSON is in group %q", got)
	}
}

func TestProtocolsAndContent(t *testing.T) {
	for _, test := range []struct {
		reason string
		http2  bool
		want   string
	}{{"HTTP/1.1", false, "HTTP/1.1"}, {"HTTP/2 in clear text", true, "HTTP/2.0"}} {
		var seen atomic.Pointer[string]
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			body := make([]byte, 5)
			r.Body.Read(body)
			text := fmt.Sprint(r.Proto, " ", r.Method, " ", r.Host, " ", r.Header.Get("X-User"), " ", string(body))
			seen.Store(&text)
		})
		run(t, Options{
			URL: url, Requests: 3, HTTP2: test.http2, Body: []byte("hello"),
			Header: http.Header{"X-User": {"ann"}, "Host": {"shop.example"}},
		})
		if want := test.want + " POST shop.example ann hello"; *seen.Load() != want {
			t.Errorf("%s: the server saw %q, want %q", test.reason, *seen.Load(), want)
		}
	}
}

func TestWarmupIsNotCounted(t *testing.T) {
	var n atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { n.Add(1) })
	got := run(t, Options{URL: url, Rate: 200, Duration: 300 * time.Millisecond, Warmup: 200 * time.Millisecond})
	if n.Load() != 60 || got.Total.Requests < 15 || got.Total.Requests > 25 {
		t.Errorf("sent %d, counted %d, want 60 and about 20", n.Load(), got.Total.Requests)
	}
}

func TestStopsWithItsContext(t *testing.T) {
	reached := make(chan struct{}, 64)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		reached <- struct{}{}
		<-r.Context().Done()
	})
	test, err := New(Options{URL: url, Workers: 4})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan Report)
	go func() { ended <- test.Run(ctx) }()
	for range 4 {
		<-reached
	}
	if live := test.Snapshot(); live.Total.Requests != 0 || live.Elapsed <= 0 {
		t.Errorf("live snapshot %+v, want no finished requests and some time", live)
	}
	cancel()
	if got := <-ended; got.Total.Requests != 0 {
		t.Errorf("requests that were given up are counted: %s", got)
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	got := run(t, Options{URL: server.URL, Requests: 3, Workers: 1})
	if got.Total.ByNetwork != 3 || got.Faults["connection refused"] != 3 {
		t.Errorf("got %s, faults %v", got, got.Faults)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, test := range []struct {
		reason string
		o      Options
		want   string
	}{
		{"no address", Options{}, "URL"},
		{"no scheme", Options{URL: "localhost:80"}, "http"},
		{"a negative rate", Options{URL: "http://a", Rate: -1}, "negative"},
		{"nothing but warm-up", Options{URL: "http://a", Duration: time.Second, Warmup: time.Second}, "warm-up"},
		{"no method", Options{URL: "http://a", Method: "GE T"}, "method"},
	} {
		if _, err := New(test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.reason, err, test.want)
		}
	}
}

func TestReportIsReadable(t *testing.T) {
	r := Report{
		Elapsed: Seconds(2 * time.Second), Rate: 50, Missed: 3,
		Total:  Tally{Requests: 100, Answered: 98, ByBackend: 2, Latency: Latency{P50: Seconds(1500 * time.Microsecond)}},
		Groups: map[string]Tally{"v2": {Requests: 10, Answered: 8, ByBackend: 2}},
	}
	want := "100 requests in 2s (50/s): 98 answered, 2 failed (backend 2, proxy 0, network 0, timed out 0), p50 1.5ms, p90 0s, p99 0s, max 0s, 3 never sent\n" +
		"  v2: 10 requests: 8 answered, 2 failed (backend 2, proxy 0, network 0, timed out 0), p50 0s, p90 0s, p99 0s, max 0s"
	if got := r.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(raw, &back); err != nil || back.Total != r.Total || back.Elapsed != r.Elapsed {
		t.Errorf("JSON %s reads back as %+v, %v", raw, back, err)
	}
}
