package kayenta

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// A Point is a value at a time, in any unit.
type Point struct {
	Time  int64
	Value Number
}

// FillSparse lays points, in order of time, on a grid from start to end, both included. A gap becomes NaN, and so does what
// lies beside the grid. Stores that do not say where their series begins (Wavefront) begin with the first point and end with
// the last.
func FillSparse(points []Point, start, end, step int64) (Series, error) {
	if step <= 0 {
		return nil, fmt.Errorf("fill series: a step of %d", step)
	}
	if end < start {
		return Series{}, nil
	}
	if uint64(end-start)/uint64(step) >= PointsMost {
		return nil, fmt.Errorf("fill series: more than %d steps of %d between %d and %d", PointsMost, step, start, end)
	}
	values := Series{}
	for i := range (end-start)/step + 1 {
		at := start + i*step
		for len(points) > 0 && points[0].Time < at {
			points = points[1:]
		}
		value := Number(math.NaN())
		if len(points) > 0 && points[0].Time == at {
			value = points[0].Value
		}
		values = append(values, value)
	}
	return values, nil
}

// A Chunk is a part of a series: the values from Start, the last one a step before End.
type Chunk struct {
	Start  int64  `json:"start"`
	End    int64  `json:"end"`
	Values Series `json:"values"`
}

// MergeChunks puts the parts of a series (Atlas answers in such) in order of time. A gap between two becomes NaN, a value a
// step; chunks that overlap are refused.
func MergeChunks(step int64, chunks []Chunk) (Series, error) {
	if step <= 0 {
		return nil, fmt.Errorf("merge chunks: a step of %d", step)
	}
	chunks = slices.Clone(chunks)
	slices.SortStableFunc(chunks, func(a, b Chunk) int { return cmp.Compare(a.Start, b.Start) })
	values := Series{}
	for i, c := range chunks {
		gap := int64(0)
		if i > 0 {
			gap = c.Start - chunks[i-1].End
		}
		switch {
		case gap < 0:
			return nil, fmt.Errorf("merge chunks: the one from %d overlaps the one before, which ends at %d", c.Start, chunks[i-1].End)
		case gap/step > PointsMost:
			return nil, errors.New("merge chunks: the gap between two is too wide")
		}
		for range gap / step {
			values = append(values, Number(math.NaN()))
		}
		values = append(values, c.Values...)
	}
	return values, nil
}
