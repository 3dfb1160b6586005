// Package share compares the share of requests that the canary was seen to get with the one the route says: is the data plane
// doing what it acknowledged?
//
// It is a test by betting, like package sequential: for each of a few wrong shares the likelihood ratio of what was counted
// against the nearest share that is tolerated is a fair bet as long as the true share is tolerated, whenever one looks
// (Robbins 1970; Howard, Ramdas et al. 2021). Their mean passes Limit at most once in Limit while the share is right. What
// a single look may add is bounded, because a look with a missed or reset counter is no evidence of a wrong share.
//
// Requests must be dealt one by one. Where connections are, or users stick to a track, the test does not apply.
package share

import "math"

const (
	// Limit is what the evidence must reach before a share counts as wrong.
	Limit = 100
	// Tolerance is how far the true share may be from the intended one, relative to it.
	Tolerance = 0.25

	gainPerLook = 1.5 // nats
)

// wrong are the shares that are bet on, relative to the intended one. 0 stands for next to nothing: a canary that is not
// reached at all.
var wrong = [...]float64{0, 1. / 3, 0.5, 2, 3, 10}

// nothing is what a share of "nothing" is bet to be: no test may be sure of an event that was seen once.
const nothing = 0.01

// A State is what was seen while the share stayed the same. The zero State has seen nothing.
type State struct {
	Weight float64             `json:"weight"` // intended, in per cent
	Stable int64               `json:"stable"`
	Canary int64               `json:"canary"`
	Bets   [len(wrong)]float64 `json:"bets"` // logarithms of their capital
	Peak   float64             `json:"peak"` // the most evidence there ever was
}

// Look adds what was counted since the last look, at an intended weight in per cent. A new weight begins anew.
func (s State) Look(weight float64, stable, canary int64) State {
	if weight != s.Weight {
		s = State{Weight: weight}
	}
	if weight <= 0 || weight >= 100 || stable < 0 || canary < 0 || stable+canary == 0 {
		return s
	}
	s.Stable, s.Canary = s.Stable+stable, s.Canary+canary
	w := weight / 100
	for i, factor := range wrong {
		s.Bets[i] += min(gainPerLook, gain(w, factor, float64(stable), float64(canary)))
	}
	s.Peak = max(s.Peak, s.Evidence())
	return s
}

// gain is the logarithm of the likelihood of a wrong share against the nearest tolerated one. The likelihood ratio is
// monotone in the share, so it is a fair bet, or a bad one, for every share that is tolerated. A bet that cannot be placed,
// because the wrong share is none or is tolerated, gains nothing.
func gain(w, factor, stable, canary float64) float64 {
	bet, null := w*max(factor, nothing), w*(1-Tolerance)
	if factor > 1 {
		null = w * (1 + Tolerance)
	}
	if bet >= 1 || null >= 1 || factor > 1 && bet <= null {
		return 0
	}
	return Gain(bet, null, stable, canary)
}

// Gain is the logarithm of the likelihood of one share of the canary against another one.
func Gain(bet, null, stable, canary float64) float64 {
	return canary*math.Log(bet/null) + stable*math.Log((1-bet)/(1-null))
}

// Evidence is how much more likely a wrong share is than a tolerated one, on the scale of Limit.
func (s State) Evidence() float64 {
	sum := 0.0
	for _, b := range s.Bets {
		sum += math.Exp(min(b, 700))
	}
	return sum / float64(len(wrong))
}

// Wrong reports whether the share was shown to be another one.
func (s State) Wrong() bool { return s.Peak >= Limit }

// Observed is the share that was seen, in per cent; false while nothing was.
func (s State) Observed() (float64, bool) {
	if s.Stable+s.Canary == 0 {
		return 0, false
	}
	return 100 * float64(s.Canary) / float64(s.Stable+s.Canary), true
}
