package bet

import "math"

// Bounds of what a wealth may grow to and shrink to: wealth may be thrown away at any time, and what is smaller than
// dust cannot come back within a release.
const (
	riches   = 1e12
	dust     = 1e-200
	biggest  = 600.0 // nats one look may bring: e^600 is still a number
	lateness = 0.08  // the share of the stake kept for regressions that begin later
	patience = 600.0 // seconds after which half of that share is in play
)

// Early is the share of a stake that is in play from the beginning.
const Early = 1 - lateness

// Wealth is a stake spread over bets, with a part kept for regressions that begin later (leaks, caches, cron): without
// it the good minutes before would have to be worked off. Zero is no stake at all.
type Wealth struct {
	Bets []float64 `json:"bets"` // what each bet holds
	Cash float64   `json:"cash"` // not yet in play
}

// Stake starts a wealth of the given size over bets with the given prior, which sums to 1. It reuses the memory of w.
func (w *Wealth) Stake(size float64, prior []float64) {
	if cap(w.Bets) < len(prior) {
		w.Bets = make([]float64, len(prior))
	}
	w.Bets = w.Bets[:len(prior)]
	for j, p := range prior {
		w.Bets[j] = size * (1 - lateness) * p
	}
	w.Cash = size * lateness
}

// Play releases the cash that comes into play between two times in seconds, and multiplies every bet by its factor.
func (w *Wealth) Play(logs, prior []float64, from, to float64) {
	late := w.Cash * (1 - (patience+from)/(patience+to))
	w.Cash -= late
	for j, log := range logs {
		held := w.Bets[j] + late*prior[j]
		held *= math.Exp(min(log, biggest))
		if held < dust {
			held = 0
		}
		w.Bets[j] = min(held, riches)
	}
}

// Value is the wealth, all bets and cash.
func (w *Wealth) Value() float64 {
	sum := w.Cash
	for _, b := range w.Bets {
		sum += b
	}
	return sum
}

// Scale multiplies the wealth: stakes may be moved between wealths at any time, or thrown away.
func (w *Wealth) Scale(by float64) {
	for j := range w.Bets {
		w.Bets[j] = min(w.Bets[j]*by, riches)
	}
	w.Cash = min(w.Cash*by, riches)
}

// Cap throws away what exceeds most.
func (w *Wealth) Cap(most float64) {
	if v := w.Value(); v > most {
		w.Scale(most / v)
	}
}

// Even spreads a stake evenly over n bets.
func Even(n int) []float64 {
	prior := make([]float64, n)
	for j := range prior {
		prior[j] = 1 / float64(n)
	}
	return prior
}

// Doubling returns alternatives from first upwards, each twice the last, up to most.
func Doubling(first, most float64) []float64 {
	var kappas []float64
	for k := first; k <= most; k *= 2 {
		kappas = append(kappas, k)
	}
	return kappas
}
