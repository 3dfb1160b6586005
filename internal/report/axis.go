package report

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"serin.dev/serin/internal/progress"
)

// The size of a plot, and of the part in which something is drawn, in the units of its view box.
const (
	plotWidth  = 640.0
	wideWidth  = 1310.0 // across the page
	plotHeight = 230.0
	left       = 52.0
	right      = 12.0
	top        = 14.0
	bottom     = 28.0
)

// A scale places values between two ends of a plot.
type scale struct {
	low, high float64
	from, to  float64 // where low and high are drawn
	log       bool
}

// at places a value; what is beyond the ends is drawn there.
func (s scale) at(v float64) float64 {
	v = math.Min(math.Max(v, s.low), s.high)
	part := 0.0
	switch {
	case s.high == s.low:
	case s.log:
		part = math.Log(v/s.low) / math.Log(s.high/s.low)
	default:
		part = (v - s.low) / (s.high - s.low)
	}
	return math.Round(10*(s.from+part*(s.to-s.from))) / 10
}

// across places seconds.
func across(from, to, width float64) scale {
	return scale{from, math.Max(to, from+1), left, width - right, false}
}

// up places values from the ground.
func up(high float64) scale { return scale{0, high, plotHeight - bottom, top, false} }

// ratios places what multiplies.
func ratios(low, high float64) scale { return scale{low, high, plotHeight - bottom, top, true} }

// A tick is a place on an axis with its word.
type tick struct {
	At   float64
	Text string
}

// times are ticks at round times.
func times(s scale) (ticks []tick) {
	steps := []float64{1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 8 * 3600, 24 * 3600}
	step := steps[len(steps)-1]
	for _, one := range steps {
		if (s.high-s.low)/one <= (s.to-s.from)/80 {
			step = one
			break
		}
	}
	for (s.high-s.low)/step > (s.to-s.from)/80 {
		step *= 2
	}
	for v := math.Ceil(s.low/step) * step; v <= s.high; v += step {
		ticks = append(ticks, tick{s.at(v), progress.Brief(time.Duration(v * float64(time.Second)))})
	}
	return ticks
}

// parts are ticks of a linear scale from 0.
func parts(s scale, unit string) (ticks []tick) {
	step := math.Pow(10, math.Floor(math.Log10(s.high)))
	for _, by := range []float64{0.1, 0.2, 0.25, 0.5, 1} {
		if s.high/(step*by) <= 5 {
			step *= by
			break
		}
	}
	for v := 0.0; v <= s.high*1.0001; v += step {
		ticks = append(ticks, tick{s.at(v), strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64) + unit})
	}
	return ticks
}

// powers are ticks of a logarithmic scale.
func powers(s scale, unit string) (ticks []tick) {
	by := []float64{1, 2, 5}
	switch decades := math.Log10(s.high / s.low); {
	case decades > 4:
		by = []float64{1}
	case decades > 2:
		by = []float64{1, 3}
	}
	for decade := math.Pow(10, math.Floor(math.Log10(s.low))); decade <= s.high; decade *= 10 {
		for _, m := range by {
			if v := decade * m; v >= s.low*0.999 && v <= s.high*1.001 {
				ticks = append(ticks, tick{s.at(v), progress.Number(v) + unit})
			}
		}
	}
	return ticks
}

// place writes a point of a path.
func place(x, y float64) string { return fmt.Sprintf("%g %g", x, y) }
