package scrape

import (
	"maps"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"

	"serin.dev/serin/internal/metric/native"
)

// A unit is what a duration is counted in.
type unit struct {
	seconds float64 // of one
	octaves int     // between one and a second, about
}

func unitOf(name string) unit {
	if name == "ms" {
		return unit{1e-3, 10}
	}
	return unit{1, 0}
}

// latencies adds the buckets of all series up: cumulative counts over ascending bounds in seconds, without +Inf.
func latencies(all map[string]*series, of unit) ([]float64, []int64) {
	bounds, buckets := merged(all, of.octaves)
	for i := range bounds {
		bounds[i] *= of.seconds
	}
	return bounds, buckets
}

func merged(all map[string]*series, octaves int) ([]float64, []int64) {
	if len(all) == 0 {
		return nil, nil
	}
	schema := int32(native.Finest)
	natives := 0
	for _, one := range all {
		if one.native != nil {
			natives++
			schema = min(schema, one.native.Schema)
		}
	}
	if natives == len(all) && schema != histogram.CustomBucketsSchema {
		return nativeLatencies(all, schema, octaves)
	}
	return classicLatencies(all)
}

// classicLatencies keeps the bounds that every series has: cumulative counts may be added at those, and only there.
func classicLatencies(all map[string]*series) ([]float64, []int64) {
	sums, have := map[float64]int64{}, map[float64]int{}
	for _, one := range all {
		for le, n := range one.classic() {
			sums[le] += n
			have[le]++
		}
	}
	var bounds []float64
	for _, le := range slices.Sorted(maps.Keys(sums)) {
		if have[le] == len(all) && !math.IsInf(le, 0) {
			bounds = append(bounds, le)
		}
	}
	if len(bounds) == 0 {
		return nil, nil
	}
	buckets := make([]int64, len(bounds))
	for i, le := range bounds {
		buckets[i] = sums[le]
	}
	return bounds, buckets
}

// classic returns the cumulative buckets, also of a native histogram with bounds of its own.
func (one *series) classic() map[float64]int64 {
	if one.native == nil || !one.native.UsesCustomBuckets() {
		return one.buckets
	}
	buckets := map[float64]int64{}
	for _, le := range one.native.CustomValues {
		buckets[le] = 0
	}
	for it := one.native.PositiveBucketIterator(); it.Next(); {
		b := it.At()
		for le := range buckets {
			if b.Upper <= le {
				buckets[le] += int64(b.Count)
			}
		}
	}
	return buckets
}

// nativeLatencies merges the buckets of each series into the grid of the coarsest one.
func nativeLatencies(all map[string]*series, schema int32, octaves int) ([]float64, []int64) {
	grid := native.NewGrid(schema, octaves)
	for _, one := range all {
		h := one.native
		grid.Below(h.ZeroCount)
		for it := h.NegativeBucketIterator(); it.Next(); {
			grid.Below(it.At().Count)
		}
		for it := h.PositiveBucketIterator(); it.Next(); {
			grid.Add(h.Schema, int(it.At().Index), it.At().Count)
		}
	}
	return grid.Buckets()
}
