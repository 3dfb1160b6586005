package forecast

import (
	"math"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/judge/sequential/bet"
)

// A work makes one forecast.
type work struct {
	Traffic
	judge   sequential.Steady
	every   float64 // seconds between looks
	promise bool    // there is an objective, which needs no comparison
}

// lost are the looks at the beginning of a step that are left out.
const lost = 1

// longest is the time, in looks, that is looked ahead at most.
const longest = 1 << 20

// find fills in what can be found while a step is held.
func (w work) find(s *Step) {
	if s.Stable == 0 && !w.promise {
		s.Blind = true
		return
	}
	looks := int(time.Duration(s.Hold).Seconds()/w.every) - lost
	if rate := w.smallest(*s, looks); rate <= 1 {
		s.Smallest = w.typically(*s, rate)
		s.Dead = w.typically(*s, 1)
		return
	}
	if n := w.looks(*s, 1, Chance); n < longest {
		s.Needs = seconds(float64(n+lost) * w.every)
	}
}

// smallest is the least failure rate that is found within so many looks; more than 1: none is.
func (w work) smallest(s Step, looks int) float64 {
	if looks <= 0 {
		return math.Inf(1)
	}
	needed := w.needed(s, looks)
	n := s.Canary * w.every * float64(looks)
	if found(needed, n) < Chance {
		return math.Inf(1)
	}
	low, high := 0.0, 1.0
	for range 40 {
		rate := (low + high) / 2
		if found(needed, n*rate) < Chance {
			low = rate
		} else {
			high = rate
		}
	}
	return twoDigits(high)
}

// typically is what it takes to find a failure rate every other time.
func (w work) typically(s Step, rate float64) *Find {
	looks := w.looks(s, rate, 0.5) + lost
	n := s.Canary * w.every * float64(looks)
	return &Find{Failures: rate, After: seconds(float64(looks) * w.every), Requests: math.Round(n), Failed: math.Round(n * rate)}
}

// looks is how many it takes to find a failure rate with some chance.
func (w work) looks(s Step, rate, chance float64) int {
	enough := func(looks int) bool {
		return found(w.needed(s, looks), s.Canary*w.every*float64(looks)*rate) >= chance
	}
	high := 1
	for ; !enough(high) && high < longest; high *= 2 {
	}
	low := high / 2
	for low+1 < high {
		if mid := (low + high) / 2; enough(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// spread are the quantiles of stable's failures that stand for all of them.
var spread = [...]float64{-1.2816, -0.5244, 0, 0.5244, 1.2816}

// needed says how many requests of the canary have to fail within so many looks to roll back, for each case of what stable does.
func (w work) needed(s Step, looks int) (all [len(spread)]float64) {
	span := w.every * float64(looks)
	p := bet.Pair{NC: s.Canary * span, NB: s.Stable * span}
	for i, deviations := range spread {
		mean := p.NB * w.Failures
		p.XB = math.Max(0, math.Round(mean+deviations*math.Sqrt(mean)))
		all[i] = w.fewest(p)
	}
	return all
}

// fewest is the smallest number of failures on the canary whose evidence rolls back.
func (w work) fewest(p bet.Pair) float64 {
	proves := func(x float64) bool {
		q := p
		q.XC, q.NC = x, math.Max(p.NC, x)
		return w.judge.Evidence(q, w.Failures) >= w.judge.Limit()
	}
	high := 1.0
	for !proves(high) {
		if high *= 2; high > 1e12 {
			return math.Inf(1)
		}
	}
	for low := high / 2; low+1 < high; {
		if mid := math.Floor((low + high) / 2); proves(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// found is the chance that at least as many requests fail as are needed, when so many do on average.
func found(needed [len(spread)]float64, mean float64) (chance float64) {
	for _, x := range needed {
		if math.IsInf(x, 1) || mean <= 0 {
			continue
		}
		chance += (1 - distuv.Poisson{Lambda: mean}.CDF(x-1)) / float64(len(needed))
	}
	return chance
}

// twoDigits rounds up: a promise may be too small, not too large.
func twoDigits(rate float64) float64 {
	scale := math.Pow(10, 1-math.Floor(math.Log10(rate)))
	return math.Min(1, math.Ceil(rate*scale-1e-9)/scale)
}
