package engine

import (
	"fmt"
	"time"

	"serin.dev/serin/internal/plan"
)

// A rule moves the release, or lets the next one try. The first that fires wins, and its name stands in the decision.
type rule struct {
	name string
	fire func(*decision) bool
}

// rules, in order: what ends a release comes before what holds it, and what holds it before what lets it go on.
var rules = []rule{
	{"over", over},
	{"aborted", aborted},
	{"superseded", superseded},
	{"analysis failed", analysisFailed},
	{"too late", tooLate},
	{"not yet reached", notYetReached},
	{"returned", returned},
	{"arrived", arrived},
	{"paused", paused},
	{"gates pending", gatesPending},
	{"advance", advance},
}

// over: nothing moves a finished release; its last state is kept.
func over(d *decision) bool { return d.at.Phase.Over() }

// aborted: a person sent it back, while that was still possible (hear refuses the rest).
func aborted(d *decision) bool {
	return d.at.Failure != nil && d.at.Phase == plan.Progressing && d.back(*d.at.Failure)
}

// superseded: a newer revision waits. Going back first keeps one rule for all; a promotion under way finishes instead.
func superseded(d *decision) bool {
	next := d.seen.Superseded
	if next == "" || d.at.Phase != plan.Progressing {
		return false
	}
	f := plan.Failure{Reason: "Superseded", Text: fmt.Sprintf("revision %s takes its place", next)}
	if d.p.Stable == "" && d.at.Arrived.IsZero() { // a first release that never stood has nowhere to go back to
		d.end(plan.Superseded, f.Text)
		d.at.Failure = d.stamp(f)
		return true
	}
	return d.p.Reversible(d.at.Step) && d.back(f)
}

// analysisFailed: evidence rolls back, at any moment, paused or not.
func analysisFailed(d *decision) bool {
	for _, a := range d.p.Analyses {
		v, ok := d.seen.Verdicts[a.Name]
		if !ok || !analysed(a, d.at) || v.Outcome != plan.Fail {
			continue
		}
		if !d.p.Reversible(d.at.Step) {
			d.ask(v.Reason)
			continue
		}
		return d.back(plan.Failure{Reason: "AnalysisFailed", Text: v.Reason, Field: a.Origin.Field, Verdict: &v})
	}
	return false
}

// tooLate: the state was not reached, or was lost again, for longer than the step allows, and the new revision is the one
// that is short. Where there is nowhere to go back to, or stable itself is short, a person is asked instead.
func tooLate(d *decision) bool {
	s := d.step()
	if !d.overdue() {
		return false
	}
	_, missing := d.approach()
	if missing == nil {
		return false
	}
	blame := missing.For == "readiness" && d.canaryShort()
	if !blame || d.at.Phase != plan.Progressing || !d.p.Reversible(d.at.Step) {
		d.ask(missing.Text)
		return false
	}
	text := fmt.Sprintf("not ready within %s: %s", s.Within, missing.Text)
	return d.back(plan.Failure{Reason: "NotReady", Text: text, Field: s.Origin.Field})
}

// notYetReached: hold the step until its state is there. A step that was reached before and is short now waits as well.
func notYetReached(d *decision) bool {
	_, missing := d.approach()
	if missing == nil {
		return false
	}
	if d.at.Short.IsZero() { // it was there, and is lost
		d.at.Short = d.seen.Now
	}
	if s := d.step(); s.Within > 0 {
		missing.Until, missing.Then = d.at.Short.Add(s.Within), d.lateness(*missing)
		if missing.Until.Before(d.seen.Now) {
			missing.Until, missing.EndBy = time.Time{}, "serin promote or serin abort"
		}
	}
	d.await(*missing)
	return true
}

func (d *decision) lateness(w plan.Waiting) string {
	if w.For == "readiness" && d.canaryShort() && d.p.Reversible(d.at.Step) && d.at.Phase == plan.Progressing {
		return "rolls back"
	}
	return "asks a person"
}

// returned: the safe state is reached; the release is over.
func returned(d *decision) bool {
	if d.at.Phase != plan.RollingBack {
		return false
	}
	phase := plan.Returned
	if d.at.Failure.Reason == "Superseded" {
		phase = plan.Superseded
	}
	d.end(phase, d.at.Failure.Text)
	return true
}

// arrived: the state holds for the first time; its hooks are told and its clocks start.
func arrived(d *decision) bool {
	if !d.at.Arrived.IsZero() {
		return false
	}
	d.at.Arrived, d.at.Waiting, d.moved = d.arrival(), nil, true
	d.told(plan.Entered, fmt.Sprintf("%s: %s reached", d.p.Canary, d.step().Name))
	return true
}

// arrival is when the state was reached. Traffic comes last on the way to it, so where the route itself remembers when it
// changed, and did so in this step, that is when; another process would say the same.
func (d *decision) arrival() time.Time {
	if since := d.seen.Route.Since; since.After(d.at.Entered) && !since.After(d.seen.Now) {
		return since
	}
	return d.seen.Now
}

// paused: a person holds it.
func paused(d *decision) bool {
	p := d.at.Paused
	if p == nil || d.at.Step == len(d.p.Steps)-1 {
		return false
	}
	text := "paused by " + p.Actor
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	d.await(plan.Waiting{For: "person", Text: text, Since: p.At, EndBy: "serin resume"})
	return true
}

// gatesPending: all gates of the step must be open; the first that is not is what the release waits for.
func gatesPending(d *decision) bool {
	for _, g := range d.step().Until {
		if d.pending(g) {
			return true
		}
	}
	return false
}

// advance: everything holds; on to the next step, or the release is done.
func advance(d *decision) bool {
	if d.at.Step == len(d.p.Steps)-1 {
		d.end(plan.Succeeded, fmt.Sprintf("%s is stable", d.p.Canary))
		return true
	}
	d.enter(d.at.Step + 1)
	return true
}

// back sends the release to the safe step of the present one.
func (d *decision) back(f plan.Failure) bool {
	d.at.Failure = d.stamp(f)
	d.at.Phase, d.at.Paused = plan.RollingBack, nil
	d.enter(d.step().Rollback)
	return true
}

func (d *decision) stamp(f plan.Failure) *plan.Failure {
	if f.At.IsZero() {
		f.At, f.Step = d.seen.Now, d.at.Step
	}
	return &f
}

// end closes the release where it stands.
func (d *decision) end(phase plan.Phase, text string) {
	d.at.Phase, d.at.Ended, d.at.Waiting, d.at.Paused = phase, d.seen.Now, nil, nil
	d.moved = true
	if d.at.Arrived.IsZero() && phase != plan.Superseded {
		d.at.Arrived = d.seen.Now
	}
	event := plan.RolledBack
	if phase == plan.Succeeded {
		event = plan.Promoted
	}
	d.told(event, text)
}

// ask tells, once per step, that a person has to decide.
func (d *decision) ask(text string) {
	if d.at.Asked {
		return
	}
	d.at.Asked = true
	d.told(plan.NeedsYou, text)
}

// await sets what is waited for. The beginning of the same wait is kept: no clock restarts.
func (d *decision) await(w plan.Waiting) {
	if w.Field == "" {
		w.Field = d.step().Origin.Field
	}
	if old := d.at.Waiting; old != nil && old.For == w.For && old.Field == w.Field && w.Since.IsZero() {
		w.Since = old.Since
	}
	if w.Since.IsZero() {
		w.Since = d.seen.Now
	}
	d.at.Waiting = &w
}

// canaryShort reports whether the revision being released lacks ready replicas.
func (d *decision) canaryShort() bool {
	a := newApproach(d.step().Desired, d.p.Stable, d.seen)
	for _, t := range d.step().Desired.Tracks {
		if t.Revision == d.p.Canary && !a.enough(t) {
			return true
		}
	}
	return false
}

// overdue reports whether the state has been missing for longer than the step allows.
func (d *decision) overdue() bool {
	s := d.step()
	return s.Within > 0 && !d.at.Short.IsZero() && !d.seen.Now.Before(d.at.Short.Add(s.Within))
}

// insist ends the patience of an overdue step: requests that never finish no longer keep their replica, and a release that
// goes back gives stable all of the traffic even if not all of stable is ready.
func (d *decision) insist(o Orders) Orders {
	o.Keep = nil
	s := d.step().Desired
	if t, ok := s.Track(plan.Stable); ok && d.at.Phase == plan.RollingBack && newApproach(s, d.p.Stable, d.seen).ready(t.Pool) > 0 {
		o.Traffic, o.Behind = s.Traffic, newApproach(s, d.p.Stable, d.seen).behind
	}
	return o
}
