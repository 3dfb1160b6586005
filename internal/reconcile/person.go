package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/gate"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// Act records what a person does to a release, or says why it makes no sense now: a verb that does not fit the position,
// an approval by somebody the gate does not ask for.
func (l *Loop) Act(ctx context.Context, name string, act plan.Act) error {
	rel, status, err := l.Store.Release(name)
	if err != nil {
		return err
	}
	if done(status, act) {
		return nil
	}
	if err := l.admit(ctx, rel, status.Position, act); err != nil {
		return err
	}
	act.At = l.Now()
	return l.Store.Change(name, func(s *releases.Status) error {
		if s.Position.Step != status.Position.Step && (act.Verb == plan.Approve || act.Verb == plan.Reject) {
			return fmt.Errorf("%s: the release has just moved on to step %d", act.Verb, s.Position.Step)
		}
		if err := engine.Refuse(rel.Plan, s.Position, act); err != nil {
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

// done reports whether the act was recorded before, by a process that could not tell any more.
func done(s releases.Status, act plan.Act) bool {
	return act.ID != "" && slices.ContainsFunc(s.Acts, func(a plan.Act) bool { return a.ID == act.ID })
}

// admitWithin bounds how long a keeper may think about it.
const admitWithin = 5 * time.Second

// admit asks the keeper whether the actor may answer the approvals of the step.
func (l *Loop) admit(ctx context.Context, rel releases.Release, at plan.Position, act plan.Act) error {
	if act.Verb != plan.Approve && act.Verb != plan.Reject {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, admitWithin)
	defer cancel()
	for _, g := range rel.Plan.Steps[at.Step].Until {
		if g, ok := g.(plan.Approved); ok {
			if err := l.Keeper.Admit(ctx, gate.Request{Release: rel.Name, Gate: g, Act: act, Groups: rel.Groups}); err != nil {
				return err
			}
		}
	}
	return nil
}
