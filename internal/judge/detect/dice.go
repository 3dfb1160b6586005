package detect

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat/distuv"
)

// few is the mean up to which counts are drawn by walking up from 0.
const few = 12.0

// An urn draws Poisson counts. Of a mean that comes a second time it keeps the table: traffic is steady for most of an hour.
type urn struct {
	mean  float64
	none  float64   // exp(-mean)
	least int       // the count that upTo begins with
	upTo  []float64 // chance of a count up to least+i
	guide []int32   // the first index with upTo above i/len(guide)
}

func (u *urn) draw(mean float64, dice *rand.Rand) int64 {
	if mean < 1e-9 {
		return 0
	}
	switch {
	case mean != u.mean:
		u.mean, u.none, u.upTo = mean, math.Exp(-mean), u.upTo[:0]
	case mean > 1 && len(u.upTo) == 0:
		u.tabulate()
	}
	at := dice.Float64()
	if len(u.upTo) > 0 {
		i := u.guide[int(at*float64(len(u.guide)))]
		for u.upTo[i] <= at {
			i++
		}
		return int64(u.least) + int64(i)
	}
	if mean > few {
		return int64(distuv.Poisson{Lambda: mean, Src: dice}.Rand())
	}
	k, p := int64(0), u.none
	for at >= p && k < 200 {
		at -= p
		k++
		p *= mean / float64(k)
	}
	return k
}

// tabulate leaves out what is more than ten deviations away.
func (u *urn) tabulate() {
	width := 10*math.Sqrt(u.mean) + 20
	u.least = int(math.Max(0, math.Floor(u.mean-width)))
	gamma, _ := math.Lgamma(float64(u.least) + 1)
	p, sum := math.Exp(float64(u.least)*math.Log(u.mean)-u.mean-gamma), 0.0
	for k := u.least; float64(k) < u.mean+width; {
		sum += p
		u.upTo = append(u.upTo, sum)
		k++
		p *= u.mean / float64(k)
	}
	u.upTo[len(u.upTo)-1] = math.Inf(1)
	u.guide = u.guide[:0]
	for i, j := 0, int32(0); i < len(u.upTo); i++ {
		for u.upTo[j] <= float64(i)/float64(len(u.upTo)) {
			j++
		}
		u.guide = append(u.guide, j)
	}
}

// A coin counts successes of n tries; what it computes of its chance is kept.
type coin struct{ p, log float64 }

func (c *coin) toss(n int64, p float64, dice *rand.Rand) int64 {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - c.toss(n, 1-p, dice)
	case float64(n)*p > few:
		return int64(distuv.Binomial{N: float64(n), P: p, Src: dice}.Rand())
	}
	if p != c.p {
		c.p, c.log = p, math.Log1p(-p)
	}
	odds, left := p/(1-p), dice.Float64()
	at := math.Exp(float64(n) * c.log)
	for k := int64(0); k < n; k++ {
		if left < at {
			return k
		}
		left -= at
		at *= odds * float64(n-k) / float64(k+1)
	}
	return n
}

// bursts draws failures that come in geometric bursts of a mean size; bursts arrive independently.
func (s *Stage) bursts(a *actor, dice *rand.Rand, n int64, p float64) int64 {
	if s.f.Burst == 0 {
		return a.failing.toss(n, p, dice)
	}
	var x int64
	for range a.rare.draw(float64(n)*p/s.f.Burst, dice) {
		x += 1 + int64(math.Log(1-dice.Float64())/math.Log(1-1/s.f.Burst))
	}
	return min(x, n)
}
