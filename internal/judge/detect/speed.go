package detect

import (
	"math"
	"math/rand/v2"

	"serin.dev/serin/internal/judge"
)

// time draws requests bucket by bucket, which are independent Poisson counts.
func (s *Stage) time(t *judge.Tally, a *actor, dice *rand.Rand, now turn, truth *Scene) {
	f := s.f
	usual := Drag{Factor: a.slow}
	if f.Stalls > 0 && dice.Float64() < f.Stalls {
		usual.Share, usual.Plus = 0.5, 9*f.Slow.Median
	}
	drag := usual
	if now.drag != plainly {
		drag = now.drag
		drag.Factor *= a.slow
	}
	if f.Drift != nil {
		drift := f.Drift(now.t)
		drag.Factor, usual.Factor = drag.Factor*drift, usual.Factor*drift
	}
	if a.timed == nil {
		a.timed, a.buckets = make([]urn, len(f.Slow.Bounds)+1), make([]int64, len(f.Slow.Bounds))
	}
	t.Bounds, t.Buckets = f.Slow.Bounds, a.buckets
	answered, rate := now.volume, math.Min(1, now.rate*a.factor)
	if f.FailSlow > 0 {
		answered *= 1 - rate
	}
	with, without := s.curve(drag), s.curve(usual)
	for i, share := range with {
		n := a.timed[i].draw(answered*share, dice)
		t.Requests += n
		if i < len(t.Buckets) {
			t.Buckets[i] = t.Requests
		}
		if n > 0 && drag != usual {
			truth.Gain += float64(n) * math.Log(share/math.Max(without[i], 1e-12))
		}
	}
	if f.FailSlow == 0 {
		t.Failures = s.bursts(a, dice, t.Requests, rate)
		return
	}
	t.Failures = a.rare.draw(now.volume*rate, dice)
	t.Requests += t.Failures
	for i, bound := range t.Bounds {
		if bound >= f.FailSlow {
			t.Buckets[i] += t.Failures
		}
	}
}

// curve is the share of requests in every bucket, the last without bound; a few hundred are remembered.
func (s *Stage) curve(d Drag) []float64 {
	if d == s.drag { // most pods are alike
		return s.shares
	}
	if known, ok := s.curves[d]; ok {
		s.drag, s.shares = d, known
		return known
	}
	if len(s.curves) > 512 || s.curves == nil {
		s.curves = map[Drag][]float64{}
	}
	shares, before := make([]float64, len(s.f.Slow.Bounds)+1), 0.0
	for i, bound := range s.f.Slow.Bounds {
		upTo := s.f.Slow.below(bound, d)
		shares[i], before = upTo-before, upTo
	}
	shares[len(shares)-1] = 1 - before
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
