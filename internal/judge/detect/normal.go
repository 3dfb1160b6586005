package detect

import (
	"math"
	"math/rand/v2"
	"slices"

	"serin.dev/serin/internal/plan"
)

// pocock is the boundary of Pocock's group-sequential test for twelve looks at 1 %, one-sided.
const pocock = 2.92

// pooled is the textbook's pooled one-sided z test: of failures, or of requests above the limit where a family has one.
type pooled struct {
	forgetful
	bound          float64
	every          float64 // seconds between tests; 0: each look
	watch          int     // the bucket bound whose exceedances count; -1: failures count
	nc, xc, nb, xb float64
}

func zTest(bound, every float64) func(*Family) Policy {
	return func(f *Family) Policy {
		watch := -1
		if f.Slow != nil && f.Slow.Limit > 0 {
			watch, _ = slices.BinarySearch(f.Slow.Bounds, f.Slow.Limit)
		}
		return &pooled{bound: bound, every: every, watch: watch}
	}
}

func (p *pooled) See(s Scene) plan.Outcome {
	p.nc, p.xc = p.nc+s.Canary.N, p.xc+s.Canary.bad(p.watch)
	p.nb, p.xb = p.nb+s.Stable.N, p.xb+s.Stable.bad(p.watch)
	if p.every > 0 && math.Mod(s.Look.T, p.every) != 0 {
		return plan.Hold
	}
	return failIf(zScore(p.nc, p.xc, p.nb, p.xb) > p.bound)
}

func (t *Total) bad(watch int) float64 {
	if watch < 0 {
		return t.X
	}
	return t.N - t.Buckets[watch]
}

func zScore(nc, xc, nb, xb float64) float64 {
	if nc == 0 || nb == 0 || xc+xb == 0 {
		return 0
	}
	p := (xc + xb) / (nc + nb)
	return (xc/nc - xb/nb) / math.Sqrt(p*(1-p)*(1/nc+1/nb)+1e-300)
}

// Tune returns the z that one in a hundred plain releases (0.5 % of failures on both tracks, a tenth of 100 requests a second,
// 720 looks) ever gets above: the best that a calibrated test can do which trusts that families are plain.
func Tune(releases int) float64 {
	dice := rand.New(rand.NewPCG(0x7a, 1))
	var nCanary, xCanary, nStable, xStable urn
	tops := make([]float64, releases)
	for i := range tops {
		var nc, xc, nb, xb float64
		for range 720 {
			x, y := float64(xCanary.draw(0.25, dice)), float64(xStable.draw(2.25, dice))
			nc, xc = nc+x+float64(nCanary.draw(49.75, dice)), xc+x
			nb, xb = nb+y+float64(nStable.draw(447.75, dice)), xb+y
			tops[i] = math.Max(tops[i], zScore(nc, xc, nb, xb))
		}
	}
	slices.Sort(tops)
	return tops[len(tops)*99/100]
}
