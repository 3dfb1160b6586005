package compile

import (
	"fmt"

	"serin.dev/serin/internal/plan"
)

// An invariant is something every plan obeys from a pass on. A plan that breaks one is not handed out: either the
// user asked for something that makes no sense, or the compiler is wrong, and both are better said before a release.
type invariant struct {
	text  string
	since string // the pass that establishes it
	holds func(w *work, i int) bool
}

var invariants = []invariant{
	{"step 0 is stable alone", "fold", startsAlone},
	{"shares are from 0 to 100 % and sum to 100 %, or nobody gets requests while stable is stopped", "fold", sharesSum},
	{"requests go to tracks that exist", "capacity", tracksExist},
	{"the canary's share does not fall", "fold", weightsRise},
	{"every track can carry its share", "capacity", sharesCarried},
	{"the last step is the new revision alone", "promotion", endsAlone},
	{"a pool runs one revision", "pools", poolsAgree},
	{"a step rolls back to where the old revision is stable and whole, or stays", "rollback", rollbackSafe},
	{"gates wait for analyses that look at their step", "gates", gatesLook},
	{"every step has a name", "names", func(w *work, i int) bool { return w.steps[i].Name != "" }},
	{"every step has a place in the user's files", "fold", func(w *work, i int) bool { return w.steps[i].Origin.Object != "" }},
}

// check refuses the first step that breaks an invariant that the passes so far have established.
func (w *work) check(done map[string]bool, last string) {
	for _, inv := range invariants {
		if !done[inv.since] {
			continue
		}
		for i, s := range w.steps {
			if !inv.holds(w, i) {
				w.notes.Refuse(s.Origin, "step %d breaks a rule of every plan: %s (seen after pass %s)", i, inv.text, last)
				return
			}
		}
	}
}

func startsAlone(w *work, i int) bool {
	s := w.steps[i].Desired
	return i > 0 || len(s.Tracks) == 1 && s.Tracks[0].Name == plan.Stable && s.Traffic.Shares[plan.Stable] == plan.Whole
}

func sharesSum(w *work, i int) bool {
	t := w.steps[i].Desired.Traffic
	for _, share := range t.Shares {
		if share < 0 {
			return false
		}
	}
	if t.Mirror != nil && (t.Mirror.Share < 0 || t.Mirror.Share > plan.Whole) {
		return false
	}
	return t.Shares.Sum() == plan.Whole || w.steps[i].move.Stop && len(t.Shares) == 0
}

func tracksExist(w *work, i int) bool {
	s := w.steps[i].Desired
	for _, name := range s.Traffic.Shares.Tracks() {
		if _, ok := s.Track(name); !ok {
			return false
		}
	}
	for _, m := range s.Traffic.Matches {
		if _, ok := s.Track(m.Track); !ok {
			return false
		}
	}
	if s.Traffic.Mirror == nil {
		return true
	}
	_, ok := s.Track(s.Traffic.Mirror.Track)
	return ok
}

func weightsRise(w *work, i int) bool {
	if i == 0 || w.steps[i].role == done {
		return true
	}
	return w.steps[i].Desired.Traffic.Shares[plan.Canary] >= w.steps[i-1].Desired.Traffic.Shares[plan.Canary]
}

func sharesCarried(w *work, i int) bool {
	s := w.steps[i].Desired
	for _, t := range s.Tracks {
		need := s.Traffic.Shares[t.Name]
		if t.Name == plan.Canary {
			need = split(s.Traffic)
		}
		if !covers(t.Capacity, need, w.draft.Target.Replicas) {
			return false
		}
	}
	return true
}

func endsAlone(w *work, i int) bool {
	s := w.steps[i].Desired
	if i < len(w.steps)-1 {
		return true
	}
	return len(s.Tracks) == 1 && s.Tracks[0].Name == plan.Stable && s.Tracks[0].Revision == w.canary &&
		s.Tracks[0].Capacity == plan.Full && s.Traffic.Shares[plan.Stable] == plan.Whole
}

func poolsAgree(w *work, i int) bool {
	runs := map[plan.PoolName]plan.Revision{}
	for _, t := range w.steps[i].Desired.Tracks {
		if r, ok := runs[t.Pool]; t.Pool == "" || ok && r != t.Revision {
			return false
		}
		runs[t.Pool] = t.Revision
	}
	return true
}

func rollbackSafe(w *work, i int) bool {
	back := w.steps[i].Rollback
	if back == i {
		return i == 0 || w.steps[i].Desired.Tracks[0].Revision == w.canary
	}
	if back < 0 || back > i {
		return false
	}
	safe := w.steps[back].Desired
	return safe.Tracks[0].Revision == w.stable && safe.Tracks[0].Capacity == plan.Full && safe.Traffic.Shares[plan.Stable] == plan.Whole
}

func gatesLook(w *work, i int) bool {
	looks := map[string]bool{}
	for _, a := range w.analyses {
		looks[a.Name] = a.From <= i && i <= a.To
	}
	for _, g := range w.steps[i].Until {
		if passed, ok := g.(plan.Passed); ok && !looks[passed.Analysis] {
			return false
		}
	}
	return true
}

// size writes a capacity for people: "x2" where the full size is known, "2 replicas" or "50%" where it is not.
func size(c plan.Capacity, full int) string {
	switch {
	case full > 0:
		return fmt.Sprintf("x%d", c.Of(full))
	case c.Replicas > 0:
		return fmt.Sprintf("x%d", c.Replicas)
	}
	return c.Share.String()
}
