package reconcile

import (
	"fmt"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/gate"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// Act records what a person does to a release, or says why it makes no sense now: a verb that does not fit the position,
// an approval by somebody the gate does not ask for.
func (l *Loop) Act(name string, act plan.Act) error {
	rel, _, err := l.Store.Release(name)
	if err != nil {
		return err
	}
	act.At = l.Now()
	return l.Store.Change(name, func(s *releases.Status) error {
		if err := engine.Refuse(rel.Plan, s.Position, act); err != nil {
			return err
		}
		if err := admit(rel, s.Position, act); err != nil {
			return err
		}
		s.Acts = append(s.Acts, act)
		text := fmt.Sprintf("%s by %s", act.Verb, act.Actor)
		if act.Reason != "" {
			text += ": " + act.Reason
		}
		s.Remember(releases.Event{At: act.At, Reason: "ActionTaken", Text: text, Step: s.Position.Step})
		return nil
	})
}

// admit asks the approvals of the step whether the actor may answer them.
func admit(rel releases.Release, at plan.Position, act plan.Act) error {
	if act.Verb != plan.Approve && act.Verb != plan.Reject {
		return nil
	}
	for _, g := range rel.Plan.Steps[at.Step].Until {
		if g, ok := g.(plan.Approved); ok {
			if err := gate.Admit(g, act, rel.Groups); err != nil {
				return err
			}
		}
	}
	return nil
}
