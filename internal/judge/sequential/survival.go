package sequential

import (
	"math"
	"slices"
)

// A curve draws the share of requests slower than a time through the shares at the bounds. It is drawn as a normal score over
// the logarithm of time, where the latencies of services are nearly straight lines, monotone (Fritsch, Butland 1984).
//
// Shifting whole buckets instead would see nothing below the ratio of neighbouring bounds.
type curve struct {
	bounds, shares  []float64
	at, score, lean []float64
}

// unlike is how much steeper a curve may get from one bucket to the next before it is no longer trusted between them: requests
// of two kinds, fast and slow ones, meet there.
const unlike = 2.5

// through draws the curve; shares fall along bounds.
func (c *curve) through(bounds, shares []float64) {
	c.bounds, c.shares = bounds, shares
	c.at, c.score, c.lean = sized(c.at, len(bounds)), sized(c.score, len(bounds)), sized(c.lean, len(bounds))
	for i, b := range bounds {
		c.at[i] = math.Log(b)
		c.score[i] = scoreOf(shares[i])
	}
	last := len(bounds) - 1
	for i := range bounds {
		switch {
		case last == 0:
			c.lean[i] = 0
		case i == 0:
			c.lean[i] = c.steepness(0)
		case i == last:
			c.lean[i] = c.steepness(last - 1)
		default:
			c.lean[i] = between(c.at[i]-c.at[i-1], c.at[i+1]-c.at[i], c.steepness(i-1), c.steepness(i))
		}
	}
}

// sized is a slice of n numbers, in the memory of s where that is enough.
func sized(s []float64, n int) []float64 { return slices.Grow(s[:0], n)[:n] }

func (c *curve) steepness(i int) float64 {
	return max(0, c.score[i+1]-c.score[i]) / (c.at[i+1] - c.at[i])
}

// between is the slope at a point between two chords.
func between(before, after, low, high float64) float64 {
	if low <= 0 || high <= 0 {
		return 0
	}
	return 3 * (before + after) / ((2*after+before)/low + (after+2*before)/high)
}

// scoreOf is the normal score of the share within a bound, of the share beyond it.
func scoreOf(beyond float64) float64 {
	return math.Sqrt2 * math.Erfcinv(2*min(max(beyond, 1e-9), 1-1e-9))
}

// beyond is the share of requests slower than a time.
func (c *curve) beyond(t float64) float64 {
	x := math.Log(t)
	i, _ := slices.BinarySearch(c.at, x)
	last := len(c.at) - 1
	score := 0.0
	switch {
	case i == 0:
		score = c.score[0] + c.lean[0]*(x-c.at[0])
	case i > last:
		score = c.score[last] + c.lean[last]*(x-c.at[last])
	default:
		width := c.at[i] - c.at[i-1]
		s := (x - c.at[i-1]) / width
		score = c.score[i-1]*(1+2*s)*(1-s)*(1-s) + c.lean[i-1]*width*s*(1-s)*(1-s) +
			c.score[i]*s*s*(3-2*s) - c.lean[i]*width*s*s*(1-s)
	}
	return 0.5 * math.Erfc(score/math.Sqrt2)
}

// slowed is the share of requests that are slower than bound i once everything takes longer by a factor. Where the curve
// bends too much to be trusted it is at least what the chords in logarithms say, which are steeper.
func (c *curve) slowed(i int, factor float64) float64 {
	share := max(c.beyond(c.bounds[i]/factor), c.shares[i])
	if i > 0 && i+1 < len(c.at) {
		before, after := c.steepness(i-1), c.steepness(i)
		if after > unlike*before || before > unlike*after {
			share = max(share, c.shares[i]*c.chords(i, factor))
		}
	}
	return min(share, 1)
}

// chords is by how much the tail beyond bound i grows, by the parabola through the bound and its neighbours in logarithms of
// both share and time.
func (c *curve) chords(i int, factor float64) float64 {
	before, after := c.fall(i-1), c.fall(i)
	below, above := c.at[i]-c.at[i-1], c.at[i+1]-c.at[i]
	return math.Exp(math.Log(factor) * (before*above + after*below) / (below + above))
}

func (c *curve) fall(i int) float64 {
	if c.shares[i] <= 0 || c.shares[i+1] <= 0 {
		return 0
	}
	return max(0, math.Log(c.shares[i]/c.shares[i+1])/(c.at[i+1]-c.at[i]))
}

// quantile interpolates the latency that a share of requests stays below, linearly within its bucket as Prometheus does.
// Beyond the last bound it is the last bound. slower are counts by bound.
func quantile(bounds, slower []float64, n, q float64) float64 {
	if n <= 0 || len(bounds) == 0 {
		return 0
	}
	want, from, below := q*n, 0.0, 0.0
	for i, bound := range bounds {
		upTo := n - slower[i]
		if upTo >= want && upTo > below {
			return from + (bound-from)*(want-below)/(upTo-below)
		}
		from, below = bound, upTo
	}
	return bounds[len(bounds)-1]
}
