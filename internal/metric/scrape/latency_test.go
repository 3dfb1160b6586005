package scrape

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/model/histogram"
	"pgregory.net/rapid"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// The bounds must stay the same while a native histogram grows, or latency would be left out look after look.
func TestNativeBoundsStayTheSame(t *testing.T) {
	a := newApp(t, prometheus.HistogramOpts{NativeHistogramBucketFactor: 1.1}, promhttp.HandlerOpts{})
	q := metric.Question{Tracks: map[plan.TrackName][]plan.Endpoint{plan.Canary: {{Instance: "c", URL: a.URL}}}}
	store := New()
	var bounds []float64
	for i, took := range []time.Duration{time.Millisecond, 40 * time.Second, 0, time.Microsecond, 300 * time.Millisecond} {
		a.answer(2, i%2 == 0, took)
		s, err := store.Read(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		c := s.Tracks[plan.Canary]["c"]
		if i == 0 {
			bounds = c.Bounds
		}
		if len(c.Bounds) != 57 || c.Bounds[0] != bounds[0] || c.Bounds[56] != 16 || c.Requests != int64(2*i+2) {
			t.Errorf("after %s: %+v", took, c)
		}
	}
}

// Buckets of a native histogram must be what counting the values themselves at the grid's bounds gives, whatever its schema.
func TestNativeBucketsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := rapid.Int32Range(-2, 6).Draw(t, "schema")
		index := rapid.SliceOfN(rapid.Int32Range(-12<<max(0, schema), 6<<max(0, schema)), 1, 20).Draw(t, "buckets")
		// One value in the middle of each drawn bucket.
		h := &histogram.FloatHistogram{Schema: schema}
		counts := map[int32]float64{}
		for _, i := range index {
			counts[i]++
			h.Count++
		}
		last := int32(0)
		for i := int32(-12 << max(0, schema)); i <= 6<<max(0, schema); i++ {
			if counts[i] == 0 {
				continue
			}
			offset := i - last
			if len(h.PositiveSpans) > 0 {
				offset--
			}
			h.PositiveSpans = append(h.PositiveSpans, histogram.Span{Offset: offset, Length: 1})
			h.PositiveBuckets = append(h.PositiveBuckets, counts[i])
			last = i
		}
		if err := h.Validate(); err != nil {
			t.Fatal(err)
		}
		bounds, buckets := latencies(map[string]*series{"": {native: h}}, unitOf("s"))
		if len(bounds) > 60 {
			t.Fatalf("%d bounds", len(bounds))
		}
		for b, bound := range bounds {
			var want int64
			for _, i := range index {
				if value := math.Exp2((float64(i) - 0.5) * math.Exp2(-float64(schema))); value <= bound {
					want++
				}
			}
			if buckets[b] != want {
				t.Fatalf("%d values are at most %v, want %d", buckets[b], bound, want)
			}
		}
	})
}

func TestNativeHistogramWithItsOwnBounds(t *testing.T) {
	h := &histogram.FloatHistogram{
		Schema: histogram.CustomBucketsSchema, CustomValues: []float64{0.1, 1, 5}, Count: 10,
		PositiveSpans: []histogram.Span{{Offset: 0, Length: 2}, {Offset: 1, Length: 1}}, PositiveBuckets: []float64{4, 3, 3},
	}
	if err := h.Validate(); err != nil {
		t.Fatal(err)
	}
	bounds, buckets := latencies(map[string]*series{"": {native: h}}, unitOf("s"))
	if len(bounds) != 3 || buckets[0] != 4 || buckets[1] != 7 || buckets[2] != 7 {
		t.Errorf("got %v, %v", bounds, buckets)
	}
}

// In milliseconds the grid lies between one of them and 2^14: as many bounds, in seconds.
func TestNativeMilliseconds(t *testing.T) {
	h := &histogram.FloatHistogram{
		Schema: 0, Count: 3, PositiveBuckets: []float64{1, 2},
		PositiveSpans: []histogram.Span{{Offset: 3, Length: 1}, {Offset: 3, Length: 1}}, // (4, 8] and (64, 128]
	}
	bounds, buckets := latencies(map[string]*series{"": {native: h}}, unitOf("ms"))
	if len(bounds) != 15 || bounds[0] != 0.001 || bounds[3] != 0.008 || bounds[14] != 16.384 {
		t.Fatalf("bounds %v", bounds)
	}
	if buckets[2] != 0 || buckets[3] != 1 || buckets[6] != 1 || buckets[7] != 3 {
		t.Errorf("buckets %v", buckets)
	}
}
