package progress

import (
	"slices"

	"serin.dev/serin/internal/plan"
)

// rail tells every step of the plan with its state.
func rail(f Facts) []Step {
	steps := make([]Step, len(f.Plan.Steps))
	for i, s := range f.Plan.Steps {
		steps[i] = Step{
			Index: i, Name: s.Name, State: stateOf(f, i),
			Share: s.Desired.Traffic.Shares[plan.Canary].Percent(),
			Until: until(s), Place: placeOf(s.Origin),
		}
	}
	return steps
}

func stateOf(f Facts, i int) StepState {
	at := f.Position
	if gone := at.Failure; gone != nil && (at.Phase == plan.RollingBack || at.Phase.Over()) {
		switch {
		case i == gone.Step:
			return Failed
		case i == at.Step:
			return Current
		case i > gone.Step:
			return Skipped
		}
		return passed(f, i)
	}
	switch {
	case at.Phase == plan.Succeeded && i == at.Step:
		return Done
	case i == at.Step:
		return Current
	case i > at.Step:
		return Next
	}
	return passed(f, i)
}

// passed tells a step that was held from one that a promotion passed over.
func passed(f Facts, i int) StepState {
	promoted := slices.ContainsFunc(f.Acts, func(a plan.Act) bool { return a.Verb == plan.Promote })
	held := slices.ContainsFunc(f.Log, func(e Event) bool { return e.Step == i })
	if promoted && !held && i > 0 && i < f.Plan.Promotion {
		return Skipped
	}
	return Done
}

// until tells the gates of a step in a few words each.
func until(s plan.Step) []string {
	var texts []string
	for _, g := range s.Until {
		texts = append(texts, gate(g))
	}
	return texts
}

func gate(g plan.Gate) string {
	switch g := g.(type) {
	case plan.After:
		return Brief(g.Hold)
	case plan.Passed:
		if g.Proven {
			return "proof"
		}
		return "data"
	case plan.Approved:
		if g.Group != "" {
			return "approval by " + g.Group
		}
		return "approval"
	}
	return ""
}

func placeOf(o plan.Origin) Place {
	return Place{Object: o.Object, Field: o.Field, File: o.File, Line: o.Line}
}

// place finds the user's field by its path, which is all that positions keep of it.
func place(p plan.Plan, field string) Place {
	if field == "" {
		return Place{}
	}
	for _, a := range p.Analyses {
		if a.Origin.Field == field {
			return placeOf(a.Origin)
		}
	}
	for _, s := range p.Steps {
		if s.Origin.Field == field {
			return placeOf(s.Origin)
		}
	}
	return Place{Field: field}
}
