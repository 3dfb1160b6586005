package compile

import (
	"time"

	"serin.dev/serin/internal/plan"
)

// promotion adds the way from the last move to the new revision alone.
//
// Where promotion renames, the canary first gets its full size and all requests while stable stays whole beside it, the
// last moment from which going back costs nothing; then it is stable. Where promotion replaces, the canary gets its
// full size and all requests as well, and stable's own instances change to the new revision while nobody asks them;
// where instances alone give weight that cannot be, and they change while the canary carries its share.
func (w *work) promotion() {
	if w.first() {
		return
	}
	last := w.steps[len(w.steps)-1]
	switch _, canary := last.Desired.Track(plan.Canary); {
	case len(last.Desired.Traffic.Shares) == 0:
		// recreated: nobody gets requests yet, so the new revision can be stable at once
	case w.renames():
		if ready := w.readyToRename(last.Desired); !same(ready, last.Desired) {
			w.add(promote, "promotion", ready)
		}
	case canary && w.can.Router.Has(plan.Instances):
		w.add(promote, "promotion", replaced(last.Desired, w.canary))
	case canary:
		ready := w.readyToRename(last.Desired)
		if !same(ready, last.Desired) {
			w.add(promote, "promotion", ready)
		}
		w.add(promote, "replacement", replaced(ready, w.canary))
	}
	w.add(done, "end", alone(w.canary))
}

func (w *work) add(r role, field string, s plan.State) {
	w.steps = append(w.steps, step{role: r, Step: plan.Step{Origin: word(w.draft.Origin, field), Desired: s}})
}

// readyToRename is the state in which the canary has everything it will have as stable, and stable could take it back.
func (w *work) readyToRename(last plan.State) plan.State {
	s := plan.State{Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: 0, plan.Canary: plan.Whole}}}
	s.Tracks = []plan.Track{
		{Name: plan.Stable, Revision: w.stable, Capacity: last.Tracks[0].Capacity},
		{Name: plan.Canary, Revision: w.canary, Capacity: plan.Full},
	}
	if w.handsOver() {
		s.Tracks[0].Capacity = plan.Capacity{}
	}
	return s
}

// replaced is the state in which stable's instances become the new revision, all else being as it was.
func replaced(last plan.State, canary plan.Revision) plan.State {
	s := last
	s.Tracks = append([]plan.Track(nil), last.Tracks...)
	s.Tracks[0].Revision, s.Tracks[0].Capacity = canary, plan.Full
	return s
}

// same reports whether two states of the same revisions ask for the same.
func same(a, b plan.State) bool {
	if len(a.Tracks) != len(b.Tracks) || !a.Traffic.Equal(b.Traffic) {
		return false
	}
	for i := range a.Tracks {
		if a.Tracks[i] != b.Tracks[i] {
			return false
		}
	}
	return true
}

// pools says where each track's instances live: with the revision where promotion renames, with the track where it
// replaces.
func (w *work) pools() {
	for i := range w.steps {
		tracks := w.steps[i].Desired.Tracks
		for j, t := range tracks {
			tracks[j].Pool = plan.PoolName(t.Name)
			if w.renames() {
				tracks[j].Pool = plan.PoolName(t.Revision)
			}
		}
	}
}

// rollback writes the safe step next to each step: step 0 while stable still is the old revision, the step itself once
// it is not, because then nothing is safer than going on.
func (w *work) rollback() {
	for i := range w.steps {
		w.steps[i].Rollback = 0
		if w.steps[i].Desired.Tracks[0].Revision != w.stable {
			w.steps[i].Rollback = i
		}
	}
}

// deadlines limits how long a state may take to be reached. Where the release can go back it then does; where it cannot (the
// step it came from, and past the point of no return) a person is asked, and requests that never end no longer hold up
// what has to leave.
func (w *work) deadlines() {
	for i := range w.steps {
		w.steps[i].Within = w.deadline(w.steps[i].Desired.Traffic)
	}
}

// deadline is the user's, or the default, which is shorter while requests wait.
func (w *work) deadline(t plan.Traffic) time.Duration {
	switch {
	case w.draft.Deadline > 0:
		return w.draft.Deadline
	case t.Shares.Sum() == 0:
		return DefaultOutage
	}
	return DefaultDeadline
}

// held is how long the release waits at a step once its state is reached.
func held(s plan.Step) time.Duration {
	var longest time.Duration
	for _, g := range s.Until {
		if after, ok := g.(plan.After); ok {
			longest = max(longest, after.Hold)
		}
	}
	return longest
}
