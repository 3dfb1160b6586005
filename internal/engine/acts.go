package engine

import (
	"fmt"

	"serin.dev/serin/internal/plan"
)

// hear takes into account what people did since the position was recorded. An act that no longer fits is counted and
// changes nothing; Refuse tells its author beforehand.
func (d *decision) hear() {
	for d.at.Acted < len(d.seen.Acts) {
		act := d.seen.Acts[d.at.Acted]
		d.at.Acted++
		if Refuse(d.p, d.at, act) == nil {
			d.obey(act)
		}
	}
}

func (d *decision) obey(act plan.Act) {
	switch act.Verb {
	case plan.Pause:
		d.at.Paused = &act
	case plan.Resume:
		d.at.Paused, d.at.Waiting = nil, nil
		if d.at.Asked {
			d.at.Asked = false
			for name := range d.at.Dark { // a person wants to go on waiting: the deadline starts anew
				d.at.Dark[name] = d.seen.Now
			}
		}
	case plan.Promote:
		d.at.Paused = nil
		if d.at.Step < d.p.Promotion {
			d.enter(d.p.Promotion)
		}
	case plan.Approve:
		d.at.Granted = put(d.at.Granted, d.at.Step, act, false)
	case plan.Abort, plan.Reject:
		reason := map[plan.Verb]string{plan.Abort: "Aborted", plan.Reject: "Rejected"}[act.Verb]
		text := fmt.Sprintf("%s by %s", reason, act.Actor)
		if act.Reason != "" {
			text += ": " + act.Reason
		}
		d.at.Failure = d.stamp(plan.Failure{Reason: reason, Text: text})
	}
}

// Refuse says why an act makes no sense at the present position, or nil. Callers ask before they record it, so that a
// person learns at once what will not happen.
func Refuse(p plan.Plan, at plan.Position, act plan.Act) error {
	name := p.Steps[at.Step].Name
	switch {
	case at.Phase.Over():
		return fmt.Errorf("%s: the release is over (%s)", act.Verb, at.Phase)
	case at.Phase == plan.RollingBack:
		return fmt.Errorf("%s: the release is already going back", act.Verb)
	case act.Step != nil && *act.Step != at.Step:
		return fmt.Errorf("%s: meant for step %d, the release is at step %d (%s)", act.Verb, *act.Step, at.Step, name)
	}
	switch act.Verb {
	case plan.Pause, plan.Resume, plan.Promote:
		return nil
	case plan.Abort:
		if !p.Reversible(at.Step) {
			return fmt.Errorf("abort: at %q the old revision is gone; release it again to go back", name)
		}
		return nil
	case plan.Approve, plan.Reject:
		for _, g := range p.Steps[at.Step].Until {
			if _, ok := g.(plan.Approved); ok {
				return nil
			}
		}
		return fmt.Errorf("%s: step %q asks for no approval", act.Verb, name)
	}
	return fmt.Errorf("%q is not something one can do to a release", act.Verb)
}
