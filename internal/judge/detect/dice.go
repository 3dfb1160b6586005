package detect

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

func (s *Stage) poisson(mean float64) int64 {
	if mean <= 0 {
		return 0
	}
	return int64(distuv.Poisson{Lambda: mean, Src: s.dice}.Rand())
}

// binomial draws by inversion where few successes are expected, else by rejection.
func (s *Stage) binomial(n int64, p float64) int64 {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - s.binomial(n, 1-p)
	case float64(n)*p > 20:
		return int64(distuv.Binomial{N: float64(n), P: p, Src: s.dice}.Rand())
	}
	odds, left := p/(1-p), s.dice.Float64()
	at := math.Pow(1-p, float64(n))
	for k := int64(0); k < n; k++ {
		if left < at {
			return k
		}
		left -= at
		at *= odds * float64(n-k) / float64(k+1)
	}
	return n
}

// failures draws independent ones, or geometric bursts that arrive independently.
func (s *Stage) failures(n int64, p float64) int64 {
	if s.f.Burst == 0 {
		return s.binomial(n, p)
	}
	var x int64
	for range s.poisson(float64(n) * p / s.f.Burst) {
		x += 1 + int64(math.Log(1-s.dice.Float64())/math.Log(1-1/s.f.Burst))
	}
	return min(x, n)
}

// buckets draws cumulative buckets, and returns how much more likely they are with the drag than with the usual one.
func (s *Stage) buckets(n int64, d, usual Drag, t float64) ([]int64, float64) {
	drift := 1.0
	if s.f.Drift != nil {
		drift = s.f.Drift(t)
	}
	d.Factor *= drift
	usual.Factor *= drift
	with, without := s.curve(d), s.curve(usual)
	counts := make([]int64, len(s.f.Slow.Bounds))
	left, gain, before, beforePlain := n, 0.0, 0.0, 0.0
	for i := range with {
		upTo, upToPlain := with[i], without[i]
		k := s.binomial(left, (upTo-before)/math.Max(1-before, 1e-12))
		if k > 0 {
			gain += float64(k) * math.Log((upTo-before)/math.Max(upToPlain-beforePlain, 1e-12))
		}
		left -= k
		counts[i] = n - left
		before, beforePlain = upTo, upToPlain
	}
	if left > 0 {
		gain += float64(left) * math.Log(math.Max(1-before, 1e-12)/math.Max(1-beforePlain, 1e-12))
	}
	return counts, gain
}

// curve is the share answered within every bound; a few hundred are remembered.
func (s *Stage) curve(d Drag) []float64 {
	if known, ok := s.curves[d]; ok {
		return known
	}
	if len(s.curves) > 512 || s.curves == nil {
		s.curves = map[Drag][]float64{}
	}
	shares := make([]float64, len(s.f.Slow.Bounds))
	for i, bound := range s.f.Slow.Bounds {
		shares[i] = s.f.Slow.below(bound, d)
	}
	s.curves[d] = shares
	return shares
}

// below is the share of requests answered within a bound.
func (v *Speed) below(bound float64, d Drag) float64 {
	at := func(t float64) float64 {
		if t <= 0 {
			return 0
		}
		return 0.5 * math.Erfc(-math.Log(t/(v.Median*d.Factor))/v.Sigma/math.Sqrt2)
	}
	return (1-d.Share)*at(bound) + d.Share*at(bound-d.Plus)
}
