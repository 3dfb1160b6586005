package prometheus

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/prometheus/prometheustest"
	"serin.dev/serin/internal/plan"
)

// Schemas are told from bounds, and bounds that are of no schema are refused.
func TestSchemasOfBuckets(t *testing.T) {
	for _, c := range []struct {
		lower, upper float64
		schema       int32
		index        int
		ok           bool
	}{
		{0.5, 1, 0, 0, true}, {1, 2, 0, 1, true}, {0.25, 0.5, 0, -1, true}, {1, 1.189207115002721, 2, 1, true},
		{0.9785720620877001, 1, 5, 0, true}, {0.00390625, 0.0625, -2, -1, true},
		{0.1, 0.2, 0, 0, false}, {0.1, 0.25, 0, 0, false}, {0, 0.005, 0, 0, false}, {1, 1, 0, 0, false},
	} {
		b, ok := exponentialOf(c.lower, c.upper)
		if ok != c.ok || ok && (b.schema != c.schema || b.index != c.index) {
			t.Errorf("(%g, %g]: schema %d, number %d, %v", c.lower, c.upper, b.schema, b.index, ok)
		}
	}
}

// A bucket of a fine schema and one of a coarse one come to the bounds of the coarse one.
func TestNativeHistogramsOfDifferentSchemas(t *testing.T) {
	var fine, coarse native
	fine.add(isNative, histogramOf(10, [3]float64{1, 1.189207115002721, 6}, [3]float64{-0.001, 0.001, 4}))
	coarse.add(isNative, histogramOf(5, [3]float64{1, 2, 3}, [3]float64{2, 4, 2}))
	coarse.add(isFailed, histogramOf(2, [3]float64{2, 4, 2}))
	fine.merge(coarse)
	c, doubt := fine.complete(metric.Counters{}, false, 1)
	got := fmt.Sprint(c.Requests, c.Failures, c.Bounds[9:13], c.Buckets[9:13])
	if want := "15 2 [0.5 1 2 4] [4 4 13 15]"; got != want || doubt != "" || len(c.Bounds) != 15 {
		t.Errorf("got %s, %q and %d bounds, want %s", got, doubt, len(c.Bounds), want)
	}
	fine.add(isNative, histogramOf(1, [3]float64{0.1, 0.25, 1}))
	if c, doubt := fine.complete(metric.Counters{}, false, 1); c.Requests != 16 || c.Buckets != nil || !strings.Contains(doubt, "bounds of its own") {
		t.Errorf("with bounds of its own: %+v, %q", c, doubt)
	}
}

func histogramOf(count float64, buckets ...[3]float64) *model.SampleHistogram {
	h := &model.SampleHistogram{Count: model.FloatString(count)}
	for _, b := range buckets {
		h.Buckets = append(h.Buckets, &model.HistogramBucket{Lower: model.FloatString(b[0]), Upper: model.FloatString(b[1]), Count: model.FloatString(b[2])})
	}
	return h
}

// TestServerNative reads native histograms alone out of the real Prometheus, now and in the past.
func TestServerNative(t *testing.T) {
	p := newPodOf(t, client.HistogramOpts{NativeHistogramBucketFactor: 1.1})
	began := time.Now()
	at := prometheustest.Start(t, prometheustest.Scraping(scraped, prometheustest.Target{Job: "a", URL: p.URL, Labels: map[string]string{"namespace": "shop", "pod": "c-1"}}))
	p.answer(90, false, 20*time.Millisecond)
	p.answer(10, true, 300*time.Millisecond)
	at.Until(t, `histogram_count(sum(http_request_duration_seconds{pod="c-1"})) == 100 unless on() http_request_duration_seconds_count`)
	with := json.RawMessage(fmt.Sprintf(`{"address":%q}`, at.URL))
	now, err := openStore(t, &clock{time.Now()}).Read(t.Context(), metric.Question{
		Target: "Deployment/shop/checkout", With: with, Tracks: map[plan.TrackName][]plan.Endpoint{plan.Canary: {{Instance: "c-1", URL: p.URL}}},
	})
	if err != nil || len(now.Problems) > 0 {
		t.Fatal(err, now.Problems)
	}
	hundred(t, "now", now)
	past, err := New(metric.Env{}).Past("Deployment/shop/checkout", with, Span{
		Start: began, End: time.Now().Add(time.Second), Every: 200 * time.Millisecond, Members: map[plan.TrackName]string{plan.Stable: "a-.*", plan.Canary: "c-.*"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var last metric.Snapshot
	for {
		_, seen, err := past.Next(t.Context())
		if err != nil {
			break // the end
		}
		last = seen
	}
	hundred(t, "in the past", last)
}

func hundred(t *testing.T, when string, s metric.Snapshot) {
	t.Helper()
	c := s.Tracks[plan.Canary]["c-1"]
	if c.Requests != 100 || c.Failures != 10 || len(c.Bounds) != 57 {
		t.Fatalf("%s: %+v", when, c)
	}
	for i, le := range c.Bounds {
		want := int64(0)
		switch {
		case le >= 0.3:
			want = 100
		case le >= 0.02:
			want = 90
		}
		if c.Buckets[i] != want {
			t.Errorf("%s: %d took at most %g s, want %d", when, c.Buckets[i], le, want)
		}
	}
}
