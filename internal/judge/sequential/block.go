package sequential

import (
	"serin.dev/serin/internal/judge/sequential/bet"
)

// A block pools looks of scarce traffic until both arms have something to compare. The rule sees requests only, never
// what became of them, so bets on a block stay fair.
type block struct {
	Since float64    `json:"since"` // where its interval begins
	Until float64    `json:"until"`
	Fail  bet.Pair   `json:"fail"`
	Timed bet.Pair   `json:"timed"` // requests of pods with buckets; its X are in Slow
	SlowC []float64  `json:"slowC,omitempty"`
	SlowB []float64  `json:"slowB,omitempty"`
	Kinds []bet.Pair `json:"kinds,omitempty"`
	Plain bool       `json:"plain"` // kinds of requests are not told apart
	Low   float64    `json:"low"`   // the odds of the canary's weight lay between Low
	High  float64    `json:"high"`  // and High; both 0 while the block is empty
}

// A block is full with this many requests on the arms, or after a minute.
const (
	blockCanary  = 1
	blockStable  = 10
	blockSeconds = 60.0
)

func (b *block) full() bool {
	return b.Fail.NC >= blockCanary && b.Fail.NB >= blockStable || b.Until-b.Since >= blockSeconds
}

func (b *block) reset(at float64) {
	b.Since, b.Until, b.Low, b.High = at, at, 0, 0
	b.Fail, b.Timed = bet.Pair{}, bet.Pair{}
	clear(b.SlowC)
	clear(b.SlowB)
	clear(b.Kinds)
	b.Plain = false
}

// size makes room for the counts of the bounds.
func (b *block) size(bounds int) {
	if len(b.SlowC) != bounds {
		b.SlowC, b.SlowB = make([]float64, bounds), make([]float64, bounds)
		b.Timed = bet.Pair{}
	}
}

// add pools one look in which the weight moved between two odds.
func (b *block) add(t float64, canary, stable *arm, low, high float64) {
	if b.High == 0 {
		b.Low, b.High = low, high
	}
	b.Low, b.High, b.Until = min(b.Low, low), max(b.High, high), t
	b.Fail.NC, b.Fail.XC = b.Fail.NC+canary.n, b.Fail.XC+canary.x
	b.Fail.NB, b.Fail.XB = b.Fail.NB+stable.n, b.Fail.XB+stable.x
	b.Timed.NC, b.Timed.NB = b.Timed.NC+canary.timed, b.Timed.NB+stable.timed
	b.sort(canary, stable)
	for i := range b.SlowC {
		b.SlowC[i] += canary.slow[i]
		b.SlowB[i] += stable.slow[i]
	}
}

// slow is the pair of requests slower than bound i.
func (b *block) slow(i int) bet.Pair {
	return bet.Pair{NC: b.Timed.NC, XC: b.SlowC[i], NB: b.Timed.NB, XB: b.SlowB[i]}
}

// swing is how far the weight moved within the block, as a ratio of odds; 1 when it stood still. When the common rate
// changes too, the ratio of the arms' mean rates is off by at most this factor: the canary's share of the traffic at any
// moment of the block, against stable's, stays within it.
func (b *block) swing() float64 {
	if b.High == b.Low {
		return 1
	}
	return b.High / b.Low
}

// odds of a weight in per cent, kept from the ends so that 0 and 100 can be compared.
func odds(weight float64) float64 {
	w := min(max(weight/100, 1e-6), 1-1e-6)
	return w / (1 - w)
}
