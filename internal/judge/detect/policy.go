package detect

import (
	"fmt"
	"math"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/stream"
	"serin.dev/serin/internal/plan"
)

// A Policy decides on the looks of one release.
type Policy interface {
	Past(judge.Look)
	// See returns what the policy does after a look.
	See(Scene) plan.Outcome
}

// A Maker starts a policy for one release.
type Maker struct {
	Name  string
	Delay float64 // looks of one interval before the decision is carried out, in seconds
	New   func() Policy
}

// Makers lists what is compared; serin, the first, reads an empty settings file.
func Makers() ([]Maker, error) {
	makers := []Maker{}
	for _, m := range []struct {
		name, settings string
		delay          float64
	}{
		{"serin", "", 0},
		{"Flagger 99 %, 5 fails", "{kind: threshold, checks: {failed: 5, passed: 100000}}", 60},
		{"Argo 99 %, limit 3", "{kind: threshold, checks: {failed: 4, passed: 100000}}", 0},
		{"Argo 99 %, limit 0", "{kind: threshold, checks: {failed: 1, passed: 100000}}", 0},
	} {
		j, err := stream.New("JUDGE.yaml", []byte(m.settings))
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", m.name, err)
		}
		makers = append(makers, Maker{Name: m.name, Delay: m.delay, New: func() Policy { return &judged{j: j, state: j.Start()} }})
	}
	return append(makers,
		Maker{Name: "z each look", New: func() Policy { return &peeking{} }},
		Maker{Name: "oracle", New: func() Policy { return &oracle{} }},
	), nil
}

// judged is a judge of the house.
type judged struct {
	j     judge.Judge
	state judge.State
}

func (p *judged) Past(l judge.Look) { p.state, _ = p.j.Look(p.state, l) }

func (p *judged) See(s Scene) plan.Outcome {
	var v plan.Verdict
	p.state, v = p.j.Look(p.state, s.Look)
	return v.Outcome
}

// peeking is the textbook's pooled one-sided z test at 1 %, asked at every look.
type peeking struct{ nc, xc, nb, xb float64 }

func (p *peeking) Past(judge.Look) {}

func (p *peeking) See(s Scene) plan.Outcome {
	for _, t := range s.Look.Tracks[plan.Canary].Pods {
		p.nc, p.xc = p.nc+float64(t.Requests), p.xc+float64(t.Failures)
	}
	for _, t := range s.Look.Tracks[plan.Stable].Pods {
		p.nb, p.xb = p.nb+float64(t.Requests), p.xb+float64(t.Failures)
	}
	if p.nc == 0 || p.nb == 0 || p.xc+p.xb == 0 {
		return plan.Hold
	}
	pooled := (p.xc + p.xb) / (p.nc + p.nb)
	z := (p.xc/p.nc - p.xb/p.nb) / math.Sqrt(pooled*(1-pooled)*(1/p.nc+1/p.nb)+1e-300)
	if z > 2.3263 {
		return plan.Fail
	}
	return plan.Hold
}

// oracle is Wald's test at 1 % between the two true distributions.
type oracle struct{ log float64 }

func (p *oracle) Past(judge.Look) {}

func (p *oracle) See(s Scene) plan.Outcome {
	p.log += s.Gain
	if p.log >= math.Log(100) {
		return plan.Fail
	}
	return plan.Hold
}
