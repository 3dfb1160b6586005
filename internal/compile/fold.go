package compile

import (
	"slices"

	"serin.dev/serin/internal/plan"
)

// traffic is what the moves so far have asked for.
type traffic struct {
	weight  plan.Share
	mirror  plan.Share
	matches []plan.Match
	stopped bool
}

// fold turns moves, which say what changes, into steps, which say how everything is.
func (w *work) fold() {
	w.steps = []step{w.startStep()}
	if w.first() {
		return
	}
	var now traffic
	for _, m := range w.draft.Moves {
		now = now.then(m)
		w.steps = append(w.steps, step{
			Step: plan.Step{Origin: m.Origin, Desired: w.state(now, m), Hooks: slices.Clone(m.Hooks)},
			role: moved, move: m,
		})
	}
}

// startStep is stable alone; in a first release stable already is the new revision.
func (w *work) startStep() step {
	revision := w.stable
	if w.first() {
		revision = w.canary
	}
	return step{role: start, Step: plan.Step{Origin: word(w.draft.Origin, "start"), Desired: alone(revision)}}
}

// alone is the state in which one revision is stable and has everything.
func alone(revision plan.Revision) plan.State {
	return plan.State{
		Tracks:  []plan.Track{{Name: plan.Stable, Revision: revision, Capacity: plan.Full}},
		Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole}},
	}
}

// then applies one move. Copies end when the canary gets requests of its own: a canary that is measured on real requests
// should not be loaded with copies nobody asked for any more.
func (t traffic) then(m Move) traffic {
	if m.Weight != nil {
		if *m.Weight > 0 {
			t.mirror = 0
		}
		t.weight, t.stopped = *m.Weight, false
	}
	if m.Matches != nil {
		t.matches = m.Matches
	}
	if len(m.Matches) > 0 {
		t.mirror = 0
	}
	if m.Mirror != nil {
		t.mirror = *m.Mirror
	}
	if m.Stop {
		t = traffic{stopped: true}
	}
	return t
}

// state is the whole desired state for the traffic, still without capacities other than stable's.
func (w *work) state(t traffic, m Move) plan.State {
	s := alone(w.stable)
	if t.stopped {
		s.Tracks[0].Capacity = plan.Capacity{}
		s.Traffic.Shares = plan.Shares{}
	}
	if !t.stopped || m.Capacity != nil {
		s.Tracks = append(s.Tracks, plan.Track{Name: plan.Canary, Revision: w.canary})
	}
	if t.weight > 0 {
		s.Traffic.Shares = plan.Shares{plan.Stable: plan.Whole - t.weight, plan.Canary: t.weight}
	}
	s.Traffic.Matches = slices.Clone(t.matches)
	if t.mirror > 0 {
		s.Traffic.Mirror = &plan.Mirror{Track: plan.Canary, Share: t.mirror}
	}
	if w.draft.Sticky != nil && t.weight > 0 && t.weight < plan.Whole {
		sticky := *w.draft.Sticky
		sticky.Salt = string(w.canary) // not the same users go first in every release
		s.Traffic.Sticky = &sticky
	}
	return s
}

// word is an origin whose field is a plain word, for what the compiler adds.
func word(at plan.Origin, field string) plan.Origin {
	at.Field = field
	return at
}
