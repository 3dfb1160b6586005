package kayenta

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A bench is the service behind a real HTTP server, with a clock that the test turns.
type bench struct {
	t       *testing.T
	prom    *promServer
	options Options
	service *Service
	server  *httptest.Server

	mu  sync.Mutex
	now time.Time
}

func newBench(t *testing.T, change func(*Options)) *bench {
	t.Helper()
	b := &bench{t: t, prom: newPrometheus(t), now: noon}
	b.options = Options{
		Dir: t.TempDir(), Now: b.clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Settings: Settings{Metrics: []MetricsAccount{{Name: "prom", Address: b.prom.URL, Locations: []string{"eu"}}}},
	}
	if change != nil {
		change(&b.options)
	}
	b.open()
	t.Cleanup(b.close)
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	if b.service, err = Open(context.Background(), b.options); err != nil {
		b.t.Fatal(err)
	}
	b.server = httptest.NewServer(b.service)
}

func (b *bench) close() {
	b.server.Close()
	if err := b.service.Close(); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// settle works on all that is due, turning the clock to whatever comes within so long.
func (b *bench) settle(within time.Duration) {
	until := b.clock().Add(within)
	for {
		next := b.service.Settle(context.Background())
		if next.IsZero() || next.After(until) {
			return
		}
		b.mu.Lock()
		b.now = next
		b.mu.Unlock()
	}
}

// call sends a request and returns the status and the body.
func (b *bench) call(method, path, body string) (int, []byte) {
	b.t.Helper()
	r, err := http.NewRequest(method, b.server.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json;charset=UTF-8")
	}
	return b.send(r)
}

func (b *bench) send(r *http.Request) (int, []byte) {
	b.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, data
}

// get is a call that must succeed, decoded.
func get[T any](b *bench, method, path, body string) (v T) {
	b.t.Helper()
	code, data := b.call(method, path, body)
	if code != http.StatusOK {
		b.t.Fatalf("%s %s: %d %s", method, path, code, data)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		b.t.Fatalf("%s %s: %v: %s", method, path, err, data)
	}
	return v
}

// config is a canary config as Deck saves it, with fields that serin does not know.
const config = `{"name":"shop-canary","description":"d","configVersion":"1","applications":["shop"],"isNew":true,
 "judge":{"name":"NetflixACAJudge-v1.0","judgeConfigurations":{}},
 "metrics":[
  {"name":"errors","query":{"type":"prometheus","serviceType":"prometheus","metricName":"http_errors","customFilterTemplate":"pods"},
   "groups":["Errors"],"analysisConfigurations":{"canary":{"direction":"increase","critical":true}},"scopeName":"default"},
  {"name":"latency","query":{"type":"prometheus","serviceType":"prometheus",
    "customInlineTemplate":"PromQL:avg(latency{pod=~\"${scope}-.*\",cluster=\"${location}\"})"},
   "groups":["Latency"],"analysisConfigurations":{"canary":{"direction":"increase"}},"scopeName":"default"}],
 "templates":{"pods":"pod=~\"${scope}-.*\""},
 "classifier":{"groupWeights":{"Errors":60,"Latency":40},"scoreThresholds":{"pass":95,"marginal":75}}}`

func (b *bench) config() string {
	b.t.Helper()
	return get[map[string]string](b, "POST", "/canaryConfig", config)["canaryConfigId"]
}

// request is what Argo Rollouts sends: its word for the location is region.
const request = `{"scopes": {"default":{
  "controlScope": {"scope":"baseline","region":"eu","step":60,"start":"2026-03-01T11:00:00Z","end":"2026-03-01T12:00:00Z"},
  "experimentScope": {"scope":"canary","region":"eu","step":60,"start":"2026-03-01T11:00:00Z","end":"2026-03-01T12:00:00Z"}}},
  "thresholds" : {"pass": 90, "marginal": 75}}`
