// Package native brings native histograms (Prometheus, "Native histograms" specification) to buckets whose bounds stay the same while
// the histogram grows, for all stores alike: from 2^-10 s to 2^4 s with at most four bounds per octave, 57 in all (in milliseconds from
// 1 to 2^14). The bounds of a schema are all bounds of the next finer one, so a bucket lies within exactly one of the grid, and no count
// is guessed.
package native

import "math"

const (
	lowestOctave  = -10 // 2^-10 s, about a millisecond
	highestOctave = 4   // 16 s
)

// Finest is the finest schema of a grid: 2^2 bounds per octave.
const Finest = 2

// A Grid adds up counts between bounds.
type Grid struct {
	schema int32
	step   float64 // octaves between two bounds
	first  int     // number of the first bound, in steps from 1
	counts []float64
}

// NewGrid makes a grid of at most the finest schema, in a unit of which a second has 2^octaves.
func NewGrid(schema int32, octaves int) *Grid {
	schema = min(schema, Finest)
	step := math.Exp2(-float64(schema))
	first := int(math.Floor(float64(lowestOctave+octaves) / step))
	last := int(math.Ceil(float64(highestOctave+octaves) / step))
	return &Grid{schema: schema, step: step, first: first, counts: make([]float64, last-first+1)}
}

// Below adds what took no or negative time: it is below every bound.
func (g *Grid) Below(count float64) { g.counts[0] += count }

// Add adds bucket number i of a schema at least as fine: it ends at 2^(i/2^schema).
func (g *Grid) Add(schema int32, i int, count float64) {
	// ceil(i/2^shift) is its bucket in the coarser schema.
	i = int(math.Ceil(math.Ldexp(float64(i), -int(schema-g.schema))))
	if i < g.first+len(g.counts) {
		g.counts[max(0, i-g.first)] += count
	}
}

// Buckets are cumulative counts over ascending bounds, without +Inf.
func (g *Grid) Buckets() (bounds []float64, buckets []int64) {
	bounds, buckets = make([]float64, len(g.counts)), make([]int64, len(g.counts))
	var sum float64
	for i, n := range g.counts {
		sum += n
		bounds[i] = math.Exp2(float64(g.first+i) * g.step)
		buckets[i] = int64(sum)
	}
	return bounds, buckets
}
