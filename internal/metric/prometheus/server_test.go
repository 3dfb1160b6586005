package prometheus

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// A server answers /api/v1/query with Prometheus's own query engine, out of series that a test sets. The envelope of an
// answer is that of the HTTP API's documentation; what is in it the engine writes itself.
type server struct {
	*httptest.Server
	engine *promql.Engine
	asked  atomic.Int64
	warn   atomic.Pointer[string]

	mu      sync.Mutex
	series  map[string]sample // by labels
	queries []string
}

type sample struct {
	labels labels.Labels
	value  float64
	at     time.Time
}

func newServer(t *testing.T) *server {
	s := unstarted(t)
	s.Start()
	return s
}

func unstarted(t *testing.T) *server {
	s := &server{
		series: map[string]sample{},
		engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: 10 * time.Second, Parser: parser.NewParser(parser.Options{})}),
	}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant not to work
	t.Cleanup(func() {
		s.Close()
		if err := s.engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// set gives a series a new value now. Labels come in pairs.
func (s *server) set(value float64, name string, pairs ...string) {
	s.setAt(time.Now(), value, name, pairs...)
}

func (s *server) setAt(at time.Time, value float64, name string, pairs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ls := labels.FromStrings(append([]string{"__name__", name}, pairs...)...)
	s.series[ls.String()] = sample{ls, value, at}
}

// stale ends all series with this label, as Prometheus does when a target vanishes.
func (s *server) stale(label, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.series, func(_ string, one sample) bool { return one.labels.Get(label) == value })
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	query := r.FormValue("query")
	s.mu.Lock()
	s.queries = append(s.queries, query)
	s.mu.Unlock()
	kind, result, err := s.run(r.Context(), query)
	answer := map[string]any{"status": "success", "data": map[string]any{"resultType": kind, "result": result}}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]any{"status": "error", "errorType": "bad_data", "error": err.Error()}
	}
	if warning := s.warn.Load(); warning != nil {
		answer["warnings"] = []string{*warning}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (s *server) run(ctx context.Context, text string) (parser.ValueType, json.RawMessage, error) {
	query, err := s.engine.NewInstantQuery(ctx, s, nil, text, time.Now())
	if err != nil {
		return "", nil, err
	}
	defer query.Close()
	got := query.Exec(ctx)
	if got.Err != nil {
		return "", nil, got.Err
	}
	data, err := json.Marshal(got.Value) // before the query is closed, which takes its memory back
	return got.Value.Type(), data, err
}

// Querier reads the series as they are at this moment.
func (s *server) Querier(_, _ int64) (storage.Querier, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return reader(slices.Collect(maps.Values(s.series))), nil
}

type reader []sample

func (r reader) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, one := range r {
		if slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(one.labels.Get(m.Name)) }) {
			continue
		}
		found = append(found, storage.NewListSeries(one.labels, []chunks.Sample{point{one.at.UnixMilli(), one.value}}))
	}
	return &set{found: found, at: -1}
}

func (reader) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (reader) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (reader) Close() error { return nil }

type set struct {
	found []storage.Series
	at    int
}

func (s *set) Next() bool                      { s.at++; return s.at < len(s.found) }
func (s *set) At() storage.Series              { return s.found[s.at] }
func (*set) Err() error                        { return nil }
func (*set) Warnings() annotations.Annotations { return nil }

type point struct {
	t int64
	v float64
}

func (p point) ST() int64                   { return 0 }
func (p point) T() int64                    { return p.t }
func (p point) F() float64                  { return p.v }
func (point) H() *histogram.Histogram       { return nil }
func (point) FH() *histogram.FloatHistogram { return nil }
func (point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample         { return p }

// bounds are those of podinfo.
var bounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Counts are one instance's, as client_golang keeps them.
type counts struct {
	requests map[string]float64 // by status
	buckets  map[string][]float64
}

func (c *counts) answer(n int, status string, took time.Duration) {
	if c.requests == nil {
		c.requests, c.buckets = map[string]float64{}, map[string][]float64{}
	}
	if c.buckets[status] == nil {
		c.buckets[status] = make([]float64, len(bounds))
	}
	c.requests[status] += float64(n)
	for i, le := range bounds {
		if took.Seconds() <= le {
			c.buckets[status][i] += float64(n)
		}
	}
}

// show has the server scrape the counts.
func (c *counts) show(s *server, metric string, pairs ...string) {
	for status, n := range c.requests {
		all := slices.Concat(pairs, []string{"path", "root", "status", status})
		s.set(n, metric+"_count", all...)
		s.set(n, metric+"_bucket", append(slices.Clone(all), "le", "+Inf")...)
		for i, le := range bounds {
			s.set(c.buckets[status][i], metric+"_bucket", append(slices.Clone(all), "le", strconv.FormatFloat(le, 'g', -1, 64))...)
		}
	}
}
