package sequential

import "math"

// stretch is the share of requests slower than bound i divided by a factor, over the share slower than bound i: by how
// much the tail beyond the bound grows when everything is slower by that factor. Between bounds the survival curve is
// interpolated in logarithms, by the parabola through the bound and its neighbours, whose chords also bound the slope.
//
// shares are stable's, by bound. Shifting whole buckets instead would see nothing below the ratio of neighbouring bounds.
func stretch(bounds, shares []float64, i int, factor float64) float64 {
	left, ok := slope(bounds, shares, i-1)
	right, last := slope(bounds, shares, i)
	switch {
	case !ok && !last:
		return 1
	case !ok:
		left = right
	case last:
		// The parabola's slope at the bound, weighted by the nearness of the neighbours.
		below, above := math.Log(bounds[i]/bounds[i-1]), math.Log(bounds[i+1]/bounds[i])
		left = (left*above + right*below) / (below + above)
	}
	grown := math.Exp(left * math.Log(factor))
	return math.Min(grown, 1/math.Max(shares[i], 1e-9))
}

// slope is how steeply the share falls between bounds i and i+1, in logarithms; false when it cannot be known.
func slope(bounds, shares []float64, i int) (float64, bool) {
	if i < 0 || i+1 >= len(bounds) || shares[i] <= 0 || shares[i+1] <= 0 {
		return 0, false
	}
	fall := math.Log(shares[i]/shares[i+1]) / math.Log(bounds[i+1]/bounds[i])
	return math.Max(0, fall), true
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
