package prometheus

import (
	"math"

	"github.com/prometheus/common/model"

	"serin.dev/serin/internal/metric"
	grid "serin.dev/serin/internal/metric/native"
)

// Native histograms of one instance, added up. Prometheus answers with their buckets and does not say which schema they are of, so
// it is told from their bounds.
type native struct {
	found              bool
	requests, failures float64
	below              float64 // what took no or negative time
	buckets            []exponential
	coarsest           int32 // schema of the buckets
	odd                bool  // some buckets have bounds of their own
}

// An exponential bucket ends at 2^(index/2^schema).
type exponential struct {
	schema int32
	index  int
	count  float64
}

func (n *native) add(kind string, h *model.SampleHistogram) {
	switch {
	case h == nil: // a series of the same name that is no histogram
	case kind == isFailed:
		n.failures += float64(h.Count)
	default:
		n.found, n.requests = true, n.requests+float64(h.Count)
		for _, b := range h.Buckets {
			n.bucket(float64(b.Lower), float64(b.Upper), float64(b.Count))
		}
	}
}

// bucket takes one bucket. The odd ones are those of classic histograms that Prometheus has converted.
func (n *native) bucket(lower, upper, count float64) {
	switch {
	case math.IsInf(upper, 1):
		return
	case upper <= 0 || lower < 0 && !math.IsInf(lower, -1):
		n.below += count
		return
	}
	b, ok := exponentialOf(lower, upper)
	if n.odd = n.odd || !ok; !ok {
		return
	}
	if b.count = count; len(n.buckets) == 0 || b.schema < n.coarsest {
		n.coarsest = b.schema
	}
	n.buckets = append(n.buckets, b)
}

// exponentialOf finds schema and number of a bucket.
func exponentialOf(lower, upper float64) (exponential, bool) {
	schema := -math.Log2(math.Log2(upper / lower))
	whole := math.Round(schema)
	if !(lower > 0 && math.Abs(schema-whole) < 1e-6 && whole >= -4 && whole <= 8) { // those there are
		return exponential{}, false
	}
	index := math.Log2(upper) * math.Exp2(whole)
	return exponential{schema: int32(whole), index: int(math.Round(index))}, math.Abs(index-math.Round(index)) < 1e-6
}

func (n *native) merge(other native) {
	if len(n.buckets) == 0 || len(other.buckets) > 0 && other.coarsest < n.coarsest {
		n.coarsest = other.coarsest
	}
	n.found, n.odd = n.found || other.found, n.odd || other.odd
	n.requests, n.failures, n.below = n.requests+other.requests, n.failures+other.failures, n.below+other.below
	n.buckets = append(n.buckets, other.buckets...)
}

// complete adds to counters what the native histograms know: the latencies, and requests where nothing else has counted them.
func (n native) complete(c metric.Counters, counted bool, scale float64) (metric.Counters, string) {
	if !counted {
		c.Requests, c.Failures = int64(n.requests), min(int64(n.failures), int64(n.requests))
	}
	if n.odd {
		return c, "the duration is a native histogram with bounds of its own, which say nothing about latencies"
	}
	octaves := 0
	if scale < 1 {
		octaves = 10
	}
	schema := int32(grid.Finest)
	if len(n.buckets) > 0 {
		schema = min(schema, n.coarsest)
	}
	sums := grid.NewGrid(schema, octaves)
	sums.Below(n.below)
	for _, b := range n.buckets {
		sums.Add(b.schema, b.index, b.count)
	}
	c.Bounds, c.Buckets = sums.Buckets()
	for i := range c.Bounds {
		c.Bounds[i] *= scale
	}
	if c.Buckets[len(c.Buckets)-1] > c.Requests {
		c.Bounds, c.Buckets = nil, nil
		return c, "the buckets of the duration contradict the requests"
	}
	return c, ""
}
