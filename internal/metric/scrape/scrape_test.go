package scrape

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/goleak"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/conformance"
	"serin.dev/serin/internal/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An app is an instance whose metrics client_golang keeps.
type app struct {
	*httptest.Server
	seconds *prometheus.HistogramVec
	broken  atomic.Bool
}

func newApp(t *testing.T, opts prometheus.HistogramOpts, handler promhttp.HandlerOpts) *app {
	opts.Name, opts.Help = "http_request_duration_seconds", "How long requests took."
	a := &app{seconds: prometheus.NewHistogramVec(opts, []string{"method", "path", "status"})}
	registry := prometheus.NewRegistry()
	registry.MustRegister(a.seconds)
	metrics := promhttp.HandlerFor(registry, handler)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.broken.Load() {
			http.Error(w, "no metrics today", http.StatusInternalServerError)
			return
		}
		metrics.ServeHTTP(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *app) answer(n int, failed bool, took time.Duration) {
	status := "200"
	if failed {
		status = "503"
	}
	for i := range n {
		a.seconds.WithLabelValues("GET", []string{"root", "cart"}[i%2], status).Observe(took.Seconds())
	}
	a.seconds.WithLabelValues("GET", "readyz", "200").Observe(0.001) // must not be counted
}

func TestConformance(t *testing.T) {
	kinds := map[string]struct {
		opts    prometheus.HistogramOpts
		handler promhttp.HandlerOpts
	}{
		"classic, protobuf":  {prometheus.HistogramOpts{}, promhttp.HandlerOpts{}},
		"native, protobuf":   {prometheus.HistogramOpts{NativeHistogramBucketFactor: 1.1}, promhttp.HandlerOpts{}},
		"classic and native": {prometheus.HistogramOpts{Buckets: prometheus.DefBuckets, NativeHistogramBucketFactor: 1.1}, promhttp.HandlerOpts{}},
		"packed":             {prometheus.HistogramOpts{}, promhttp.HandlerOpts{OfferedCompressions: []promhttp.Compression{promhttp.Gzip}}},
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			conformance.Run(t, conformance.Subject{Driver: Driver, Refused: refused, Start: func(t *testing.T) conformance.Bench {
				apps := map[string]*app{}
				tracks := map[plan.TrackName][]plan.Endpoint{}
				for _, name := range []string{"a", "b", "c"} {
					track := plan.Stable
					if name == "c" {
						track = plan.Canary
					}
					apps[name] = newApp(t, kind.opts, kind.handler)
					tracks[track] = append(tracks[track], plan.Endpoint{Instance: name, URL: apps[name].URL})
				}
				return conformance.Bench{
					Store: New(), Question: metric.Question{Target: "Process/shop", Tracks: tracks},
					Answer: func(name string, n int, failed bool, took time.Duration) { apps[name].answer(n, failed, took) },
					Break:  func(name string) { apps[name].broken.Store(true) },
				}
			}})
		})
	}
}

var refused = map[string]json.RawMessage{
	"preset":          json.RawMessage(`{"preset":"cobol"}`),
	"path":            json.RawMessage(`{"path":"metrics"}`),
	"port":            json.RawMessage(`{"port":-1}`),
	"timeout":         json.RawMessage(`{"timeout":"soon"}`),
	"timeout: must":   json.RawMessage(`{"timeout":"-1s"}`),
	"duration.metric": json.RawMessage(`{"duration":{}}`),
	"requests.metric": json.RawMessage(`{"requests":{"metric":""}}`),
	"failures.regex":  json.RawMessage(`{"failures":{"label":"code","regex":"5.("}}`),
	"failures.label":  json.RawMessage(`{"failures":{"regex":"5.."}}`),
	"exclude.label":   json.RawMessage(`{"exclude":{}}`),
	"unit":            json.RawMessage(`{"unit":"us"}`),
	"histogram":       json.RawMessage(`{"histogram":"x"}`),
}

// ask scrapes one instance that answers with the handler.
func ask(t *testing.T, with string, handler http.HandlerFunc) (metric.Snapshot, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	return New().Read(t.Context(), metric.Question{
		Target: "Process/shop", With: json.RawMessage(with),
		Tracks: map[plan.TrackName][]plan.Endpoint{plan.Canary: {{Instance: "shop-v2-0.1", URL: server.URL}}},
	})
}

func TestHostileEndpoints(t *testing.T) {
	released := make(chan struct{})
	bomb := pack(t, make([]byte, 64<<20))
	cases := []struct {
		reason, want string
		handler      http.HandlerFunc
	}{
		{"it never answers", "deadline exceeded", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-released:
			}
		}},
		{"it answers a byte now and then", "deadline exceeded", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := fmt.Fprint(w, "#"); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}},
		{"it answers without end", "longer than 16 MiB", func(w http.ResponseWriter, r *http.Request) {
			block := bytes.Repeat([]byte("# nothing\n"), 6554)
			for r.Context().Err() == nil {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}},
		{"a small packet unpacks to far more", "longer than 16 MiB", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb)
		}},
		{"it sends us elsewhere", "302 Found", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		}},
		{"it is a web page", "parse metrics", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>hello</html>")
		}},
		{"it hangs up", "EOF", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			timeout := "30s"
			if strings.Contains(c.want, "deadline") {
				timeout = "300ms"
			}
			got, err := ask(t, fmt.Sprintf(`{"timeout":%q}`, timeout), c.handler)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(got.Problems[plan.Canary], c.want) {
				t.Errorf("got %+v, %v, want %q", got, err, c.want)
			}
		})
	}
	close(released)
}

func pack(t *testing.T, data []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestOneHangingInstanceDelaysNobody(t *testing.T) {
	good := newApp(t, prometheus.HistogramOpts{}, promhttp.HandlerOpts{})
	good.answer(3, false, time.Millisecond)
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hanging.Close()
	var many []plan.Endpoint
	for i := range 30 {
		many = append(many, plan.Endpoint{Instance: "hangs-" + strconv.Itoa(i), URL: hanging.URL})
	}
	begin := time.Now()
	got, err := New().Read(t.Context(), metric.Question{
		With:   json.RawMessage(`{"timeout":"300ms"}`),
		Tracks: map[plan.TrackName][]plan.Endpoint{plan.Stable: append(many, plan.Endpoint{Instance: "good", URL: good.URL})},
	})
	if err != nil || got.Tracks[plan.Stable]["good"].Requests != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
	if problem := got.Problems[plan.Stable]; !strings.HasPrefix(problem, "30 of 31 instances cannot be read: hangs-0: ") || len(problem) > 600 {
		t.Errorf("problem %q", problem)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s, as if they had been asked one after the other", took)
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hanging.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := New().Read(ctx, metric.Question{
		With:   json.RawMessage(`{"timeout":"1m"}`),
		Tracks: map[plan.TrackName][]plan.Endpoint{plan.Stable: {{Instance: "a", URL: hanging.URL}}},
	})
	if err == nil || time.Since(begin) > 10*time.Second {
		t.Errorf("got %v after %s", err, time.Since(begin))
	}
}

func TestAddress(t *testing.T) {
	cases := []struct {
		reason, with, base, want string
	}{
		{"where it answers requests", ``, "http://127.0.0.1:40001", "http://127.0.0.1:40001/metrics"},
		{"a path of the instance is not part of it", ``, "http://127.0.0.1:40001/app?x=1", "http://127.0.0.1:40001/metrics"},
		{"another port", `{"port":9797}`, "http://127.0.0.1:40001", "http://127.0.0.1:9797/metrics"},
		{"another port, IPv6", `{"port":9797}`, "https://[::1]", "https://[::1]:9797/metrics"},
		{"the sidecar of a preset", `{"preset":"istio"}`, "http://10.0.0.1:8080", "http://10.0.0.1:15020/stats/prometheus"},
		{"the user's port before the preset's", `{"preset":"linkerd","port":4192}`, "http://10.0.0.1:8080", "http://10.0.0.1:4192/metrics"},
		{"a path with a query", `{"path":"/stats/prometheus?usedonly"}`, "http://a:1", "http://a:1/stats/prometheus?usedonly"},
	}
	for _, c := range cases {
		rules, err := decode(json.RawMessage(c.with))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := rules.address(c.base); got != c.want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", c.reason, got, err, c.want)
		}
	}
	if _, err := (&rulebook{}).address("not a url"); err == nil {
		t.Error("an address without a host was taken")
	}
}
