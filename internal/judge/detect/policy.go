package detect

import (
	"fmt"

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
	Delay float64 // seconds from the decision until it is carried out
	New   func(*Family) Policy
	Plays func(*Family) bool // nil: in every family
}

// Names of the policies that targets ask for.
const (
	Own       = "serin"
	Objective = "serin, objective 99 %"
	Strict    = "serin, no tolerance"
	Flagger   = "Flagger 99 %, 5 fails"
	Argo      = "Argo 99 %, limit 3"
	Kayenta   = "Kayenta, each 5 min"
	Oracle    = "oracle"
)

// Makers lists what is compared; serin, the first, reads an empty settings file. The boundary of the tuned z comes from Tune.
func Makers(tuned float64) ([]Maker, error) {
	own, err := house("")
	if err != nil {
		return nil, err
	}
	objective, err := house("objective: {availability: 99%}")
	if err != nil {
		return nil, err
	}
	strict, err := house("failures: {tolerate: 1x, plus: 0%}\nlatency: {tolerate: 1x}")
	if err != nil {
		return nil, err
	}
	ratio, err := acaJudge()
	if err != nil {
		return nil, err
	}
	const always, fiveMinutes = 0, 300
	return []Maker{
		{Name: Own, New: own},
		{Name: Objective, New: objective, Plays: func(f *Family) bool { return f.RPS <= 1 || f.Blind }},
		{Name: Strict, New: strict, Plays: func(f *Family) bool { return f.Name == sameSpeed || f.Drag != nil && !f.Good }},
		{Name: Flagger, New: limits(5), Delay: 60},
		{Name: Argo, New: limits(4)},
		{Name: "Argo 99 %, limit 0", New: limits(1)},
		{Name: Kayenta, New: ratio},
		{Name: "z each look", New: zTest(2.3263, always)},
		{Name: fmt.Sprintf("z tuned to %.2f", tuned), New: zTest(tuned, always)},
		{Name: "Pocock z, 12 looks", New: zTest(pocock, fiveMinutes)},
		{Name: "Dirichlet mSPRT", New: func(*Family) Policy { return &mixture{} }},
		{Name: Oracle, New: func(*Family) Policy { return &oracle{} }},
	}, nil
}

// house makes a judge of the house from settings, as `serin judge` does; a family may add its own.
func house(settings string) (func(*Family) Policy, error) {
	built := map[string]judge.Judge{}
	for _, f := range append(Families(), Family{}) {
		text := settings
		if f.Settings != "" {
			text += "\n" + f.Settings + "\n"
		}
		if built[f.Settings] != nil {
			continue
		}
		j, err := stream.New("JUDGE.yaml", []byte(text))
		if err != nil {
			return nil, fmt.Errorf("build the judge of %q: %w", text, err)
		}
		built[f.Settings] = j
	}
	return func(f *Family) Policy { j := built[f.Settings]; return &judged{j: j, state: j.Start()} }, nil
}

// judged is a judge of the house.
type judged struct {
	j     judge.Judge
	state judge.State
}

func (p *judged) Past(l judge.Look) { p.weigh(l) }

func (p *judged) See(s Scene) plan.Outcome { return p.weigh(s.Look) }

// weigh asks for the outcome alone where the judge can be asked for it: nobody reads the words.
func (p *judged) weigh(l judge.Look) (o plan.Outcome) {
	if w, ok := p.j.(weigher); ok {
		p.state, o = w.Weigh(p.state, l)
		return o
	}
	_, v := p.look(l)
	return v.Outcome
}

// look asks for all that a judge says.
func (p *judged) look(l judge.Look) (judge.State, plan.Verdict) {
	var v plan.Verdict
	p.state, v = p.j.Look(p.state, l)
	return p.state, v
}

// A weigher decides without a word.
type weigher interface {
	Weigh(judge.State, judge.Look) (judge.State, plan.Outcome)
}

// A forgetful policy has no use for history.
type forgetful struct{}

func (forgetful) Past(judge.Look) {}

// failIf is the verdict of rules that know one word.
func failIf(bad bool) plan.Outcome {
	if bad {
		return plan.Fail
	}
	return plan.Hold
}
