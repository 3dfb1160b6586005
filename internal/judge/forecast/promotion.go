package forecast

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/judge/sequential/bet"
	"serin.dev/serin/internal/plan"
)

// played is how many good releases are played to see when they get leave: leave needs failures and latency to be cleared at the
// same time, by bets of different caution, which no formula adds up. The dice are always the same.
const played = 101

// patience bounds how long one is played, in seconds: a month.
const patience = 30 * 24 * 3600

// A grant is when a release got leave.
type grant struct {
	at, over float64 // seconds from the first request, and from the end of the last hold
	step     int
}

// promotion says when a release that is as good as stable has leave to promote; nil where nothing waits for it.
func (w work) promotion(p plan.Plan, a plan.Analysis) *Promotion {
	last := -1
	for i, s := range p.Steps {
		for _, g := range s.Until {
			if g, ok := g.(plan.Passed); ok && g.Proven && g.Analysis == a.Name {
				last = i
			}
		}
	}
	if last < a.From {
		return nil
	}
	grants := make([]grant, played)
	for i := range grants {
		grants[i] = w.play(p.Steps[:last+1], a.From, rand.New(rand.NewPCG(uint64(i), 0x5e71)))
	}
	slices.SortFunc(grants, func(x, y grant) int { return cmp.Compare(x.at, y.at) })
	typical, surely := grants[played/2], grants[played*9/10]
	return &Promotion{After: seconds(typical.at), By: seconds(surely.at), Step: typical.step, Over: seconds(surely.over)}
}

// play lets one release wait for leave. The last step is held until it is given.
func (w work) play(steps []plan.Step, from int, dice *rand.Rand) grant {
	var leave sequential.Leave
	at, last := 0.0, len(steps)-1
	for n := from; n <= last; n++ {
		canary, stable := split(steps[n].Desired.Traffic, w.Rate)
		hold, passed := held(steps[n]).Seconds(), lost*w.every
		for at += passed; passed < hold || n == last && at < patience; {
			stride := max(w.every, passed/256) // far out a look more or less does not matter
			at, passed = at+stride, passed+stride
			leave.Count(w.judge, counted(dice, canary*stride, stable*stride, w.Failures), counted(dice, canary*stride, stable*stride, tail))
			if leave.Given(w.judge) {
				return grant{at, max(0, passed-hold), n}
			}
		}
	}
	return grant{math.Inf(1), math.Inf(1), last}
}

// counted rolls the dice for requests that fail at one rate on both tracks.
func counted(dice *rand.Rand, canary, stable, rate float64) bet.Pair {
	roll := func(mean float64) (n, x float64) {
		if mean <= 0 {
			return 0, 0
		}
		n = distuv.Poisson{Lambda: mean, Src: dice}.Rand()
		return n, distuv.Binomial{N: n, P: rate, Src: dice}.Rand()
	}
	var p bet.Pair
	p.NC, p.XC = roll(canary)
	p.NB, p.XB = roll(stable)
	return p
}
