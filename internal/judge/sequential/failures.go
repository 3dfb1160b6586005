package sequential

import (
	"math"

	"serin.dev/serin/internal/judge/sequential/bet"
)

// failures compares the failure rate of the canary with that of stable.
//
// When stable's failures come in bursts, half of the stake bets on counts, tempered for bursts of that size, and half on
// pods that failed at all in a look, which bursts cannot inflate.
type failures struct {
	Noise   noise        `json:"noise"`
	Rate    decayed      `json:"rate"`    // of stable, for the size of bets only
	PodRate decayed      `json:"podRate"` // of stable pods that fail in a look, per request
	Counts  bet.Wealth   `json:"counts"`
	Pods    bet.Wealth   `json:"pods"`
	Alike   float64      `json:"alike"` // how often, lately, pods had equal traffic: only then may pods be compared
	Spread  float64      `json:"spread"`
	Clear   clearance    `json:"clear"`
	Range   bet.Interval `json:"range"`
	Above   float64      `json:"above"` // the bets themselves have excluded ratios up to this one; 0: none
	Sum     total        `json:"sum"`
	Kinds   []kind       `json:"kinds,omitempty"` // of requests, where they are told apart
	Alone   float64      `json:"alone"`           // kept for bets on single pods of the canary
	Single  float64      `json:"single"`          // what those hold
	Listed  bool         `json:"listed"`          // they have got their stake
	cells   []cell
	logs    []float64
	names   []string
	apart   []bet.Pair
}

// Alternatives: how many times the tolerated rate the canary might fail. With a tenth of the traffic no failure can count for
// more than ten of stable's, whatever is bet on: larger alternatives gain hardly more, and each takes its stake from the others.
// Between neighbours both gain, so fewer would do no harm, and more no good; and none is likelier than another.
func failureKappas() []float64 { return bet.Doubling(1.6, 26) }

// excluded is the evidence at which the tolerated ratio is left out of the interval as well: it adds one in two hundred to
// what the lower limit may err. Without it an interval could still hold what the verdict has excluded.
const excluded = 200

// play lets the bets on counts play a block, and those on pods the present look.
func (f *failures) play(r *rules, b *block, tolerate float64) {
	burst, pairs := f.Noise.burst(), f.pairs(b)
	m := bet.Margin{Ratio: tolerate * b.swing(), Plus: r.Failures.Plus}
	f.logs = f.logs[:0]
	for _, kappa := range r.kappas {
		log := 0.0
		for i, p := range pairs {
			if guess := f.guess(b, i); burst > 1 {
				log += bet.WorseInBursts(p, m, kappa, guess, burst)
			} else {
				log += bet.WorseExact(p, m, kappa, guess)
			}
		}
		f.logs = append(f.logs, log)
	}
	f.Counts.Play(f.logs, r.prior, b.Since, b.Until)
	harm := bet.Margin{Ratio: r.Failures.Harmful.Ratio / b.swing(), Plus: r.Failures.Harmful.Plus}
	f.Clear.play(b.Fail, harm, burst, r)
	for _, p := range pairs {
		f.Range.Observe(p, burst)
		f.Sum.weigh(p)
	}
	f.Above = 0
	if f.value() >= excluded {
		f.Above = m.Ratio
	}
}

// limits are the always-valid limits of the ratio of the canary's rate to stable's.
func (f *failures) limits() (low, high float64) {
	low, high = f.Range.Limits(intervalMiss)
	return max(low, min(f.Above, high)), high // the bets above are better ones than those of the interval
}

// playPods bets on how many pods failed at all. Doubling a small rate at most doubles the pods that fail, so the
// tolerances carry over; a canary whose pods have more traffic is allowed as much more.
func (f *failures) playPods(r *rules, seen sight, tolerate float64) {
	canary, stable := seen.canary, seen.stable
	f.rebalance(r, canary, stable)
	if f.Pods.Value() == 0 || !alike(canary, stable) {
		return
	}
	f.logs = f.logs[:0]
	c := bet.Pair{NC: float64(canary.busy()), NB: float64(stable.busy())}
	c.XC, c.XB = hit(canary), hit(stable)
	more := canary.n / c.NC / (stable.n / c.NB)
	m := bet.Margin{
		Ratio: max(1, tolerate*max(1, more)),
		Plus:  min(0.5, r.Failures.Plus*canary.n/c.NC),
	}
	for _, kappa := range r.kappas {
		f.logs = append(f.logs, bet.WorseExact(c, m, kappa, f.podRate(stable)))
	}
	f.Pods.Play(f.logs, r.prior, seen.from, seen.t)
}

// rebalance moves stakes: half to pods while failures come in bursts and pods can be compared, else all to counts.
func (f *failures) rebalance(r *rules, canary, stable *arm) {
	now := 0.0
	if alike(canary, stable) {
		now = 1
	}
	f.Alike += (now - f.Alike) / 10
	useful := f.Noise.burst() > 1 && f.podRate(stable) < 0.8
	held := f.Pods.Value()
	switch {
	case held > 0 && (!useful || f.Alike < 0.4):
		f.Counts.Scale((f.Counts.Value() + held) / f.Counts.Value())
		f.Pods.Scale(0)
	case held == 0 && useful && now == 1 && f.Alike > 0.6:
		f.Pods.Stake(f.Counts.Value()/2, r.prior)
		f.Counts.Scale(0.5)
	}
}

// podRate guesses the share of pods that fail in a look with such traffic, however long the looks were it was learned from.
func (f *failures) podRate(stable *arm) float64 {
	return -math.Expm1(-f.PodRate.rate() * stable.n / max(1, float64(stable.busy())))
}

// learn takes a look of stable, after the bets on it.
func (f *failures) learn(stable *arm, pods *roster, seconds float64) {
	f.cells = f.cells[:0]
	for _, p := range stable.pods {
		if p.n > 0 {
			f.cells = append(f.cells, cell{n: p.n, x: p.x, record: &pods.Pods[p.pod].Failed})
		}
	}
	f.Noise.learn(f.cells)
	f.Spread = spread(pods.Pods, failed, f.Noise.burst())
	f.Rate.add(stable.n, stable.x, seconds, 600)
	f.PodRate.add(stable.n, hit(stable), seconds, 600)
	if !stable.plain {
		for i := range stable.kinds {
			f.Kinds[i].Rate.add(stable.kinds[i].n, stable.kinds[i].x, seconds, 600)
		}
	}
}

func (f *failures) value() float64 { return f.Counts.Value() + f.Pods.Value() + f.Alone + f.Single }

// hit is the number of pods with at least one failure.
func hit(a *arm) (k float64) {
	for i := range a.pods {
		if a.pods[i].x > 0 {
			k++
		}
	}
	return k
}

// alike says whether traffic per pod is equal in and between the arms, up to its own noise and a tenth.
func alike(canary, stable *arm) bool {
	kc, kb := float64(canary.busy()), float64(stable.busy())
	if kc == 0 || kb < 2 {
		return false
	}
	mc, mb := canary.n/kc, stable.n/kb
	if math.Abs(mc-mb) > 3*math.Sqrt(mb/kc+mb/kb)+mb/10 {
		return false
	}
	var squares float64
	for _, p := range stable.pods {
		if p.n > 0 {
			squares += (p.n - mb) * (p.n - mb)
		}
	}
	return squares/(kb-1) <= 3*mb+mb*mb/25
}
