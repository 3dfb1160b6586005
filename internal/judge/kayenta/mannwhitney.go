package kayenta

import (
	"errors"
	"math"
	"slices"
)

// errTied is what makes the class of a metric Error: at some shift all values are the same.
var errTied = errors.New("all values are tied")

// An interval is by how much the experiment lies above the control.
type interval struct {
	low, high, estimate float64
}

// uTest is the confidence interval of R's wilcox.test(experiment, control, conf.int=TRUE, exact=FALSE, correct=TRUE): the
// normal approximation at every size of sample. Limits and estimate are roots of a step function, found within 1e-4 of a
// step and no nearer, whatever the scale of the data: Kayenta's classes depend on it.
func uTest(experiment, control []float64, confidence float64) (interval, error) {
	s := newShift(experiment, control)
	z := math.Abs(quantile(confidence))
	low, err := s.limit(z)
	if err != nil {
		return interval{}, err
	}
	high, err := s.limit(-z)
	if err != nil {
		return interval{}, err
	}
	estimate, err := root(func(mu float64) (float64, error) { return s.statistic(mu, 0) }, s.least, s.most)
	return interval{low, high, estimate}, err
}

// quantile is the lower normal quantile of a two-sided interval.
func quantile(confidence float64) float64 {
	return -math.Sqrt2 * math.Erfinv(confidence)
}

// A shift asks how the experiment compares with the control when it is moved down by mu.
type shift struct {
	x, y        []float64 // experiment and control, in order
	least, most float64   // below and above, the two sides do not overlap
}

func newShift(experiment, control []float64) shift {
	s := shift{x: ordered(experiment), y: ordered(control)}
	s.least, s.most = s.x[0]-s.y[len(s.y)-1], s.x[len(s.x)-1]-s.y[0]
	return s
}

// statistic is the standardized rank sum of the moved experiment, less a quantile. It falls as mu grows.
func (s shift) statistic(mu, quantile float64) (float64, error) {
	m, n := float64(len(s.x)), float64(len(s.y))
	r := rank(s.x, s.y, mu)
	dz := r.sum - m*(m+1)/2 - m*n/2
	correction := 0.0
	if dz != 0 {
		correction = math.Copysign(0.5, dz)
	}
	sigma := math.Sqrt(m * n / 12 * ((m + n + 1) - r.ties/((m+n)*(m+n-1))))
	if sigma == 0 {
		return 0, errTied
	}
	return (dz-correction)/sigma - quantile, nil
}

// limit is the shift at which the statistic crosses z, or the end of the range where it does not.
func (s shift) limit(z float64) (float64, error) {
	f := func(mu float64) (float64, error) { return s.statistic(mu, z) }
	if at, err := f(s.least); err != nil || at <= 0 {
		return s.least, err
	}
	if at, err := f(s.most); err != nil || at >= 0 {
		return s.most, err
	}
	return root(f, s.least, s.most)
}

// A ranking is what the statistic asks of the ranks of the two sides together.
type ranking struct {
	sum  float64 // of the ranks of x; ties share the average of theirs
	ties float64 // over groups of equal values, t³-t
}

// rank merges two ordered sides, x moved down by mu. Both sums are whole or half numbers, so their order does not matter.
func rank(x, y []float64, mu float64) ranking {
	var r ranking
	for i, j := 0, 0; i < len(x) || j < len(y); {
		value := math.Inf(1)
		if i < len(x) {
			value = moved(x[i], mu)
		}
		if j < len(y) && y[j] < value {
			value = y[j]
		}
		before, ofX := i+j, i
		for i < len(x) && moved(x[i], mu) == value {
			i++
		}
		for j < len(y) && y[j] == value {
			j++
		}
		t := float64(i + j - before)
		r.sum += float64(i-ofX) * (float64(before) + (t+1)/2)
		r.ties += t*t*t - t
	}
	return r
}

// ordered returns the values in order; NaN counts as the largest.
func ordered(values []float64) []float64 {
	out := replaceNaN(values, math.Inf(1))
	slices.Sort(out)
	return out
}

// moved is v - mu; infinity less infinity ranks highest.
func moved(v, mu float64) float64 {
	if d := v - mu; !math.IsNaN(d) {
		return d
	}
	return math.Inf(1)
}
