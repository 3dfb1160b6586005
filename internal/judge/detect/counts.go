package detect

import (
	"math"

	"serin.dev/serin/internal/plan"
)

// mixture is the multinomial test of counts with a Dirichlet prior around the planned shares of traffic: of all failures, does
// the canary have more than its share? It looks at no requests. A changed weight begins a new prior on top of the wealth.
type mixture struct {
	forgetful
	share  float64 // planned for the canary
	before float64 // log wealth of former weights
	xc, xb float64
}

// concentration of the prior, in failures.
const concentration = 100.0

func (p *mixture) See(s Scene) plan.Outcome {
	share := s.Look.Weight / 100
	if share != p.share {
		p.before, p.share, p.xc, p.xb = p.log(), share, 0, 0
	}
	p.xc, p.xb = p.xc+s.Canary.X, p.xb+s.Stable.X
	more := p.xc*(1-p.share) > p.xb*p.share // the test is two-sided; a release that got better is let go
	return failIf(more && p.log() >= math.Log(100))
}

func (p *mixture) log() float64 {
	if p.share <= 0 || p.share >= 1 || p.xc+p.xb == 0 {
		return p.before
	}
	a, b := concentration*p.share, concentration*(1-p.share)
	return p.before + logBeta(a+p.xc, b+p.xb) - logBeta(a, b) - p.xc*math.Log(p.share) - p.xb*math.Log(1-p.share)
}

func logBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	both, _ := math.Lgamma(a + b)
	return x + y - both
}

// oracle is Wald's test at 1 % between the two true distributions.
type oracle struct {
	forgetful
	log float64
}

func (p *oracle) See(s Scene) plan.Outcome {
	p.log += s.Gain
	return failIf(p.log >= math.Log(100))
}
