package compile

import (
	"slices"

	"serin.dev/serin/internal/plan"
)

// capacity gives every track what its requests need: the canary its share and its copies, all of it where matches may
// claim every request (unless the user said how much is enough for them), never less than the user asked for since, and
// never less than the step before: what promotion needs in the end is not stopped in between.
// Stable stays at full size, so that going back is only a matter of routing, except where the strategy hands its capacity
// over.
func (w *work) capacity() {
	var asked plan.Capacity // the user's floor, from the last move that named one
	enough := false         // it was named for the present matches
	var had plan.Capacity
	for i := range w.steps {
		s := &w.steps[i]
		if s.role != moved || len(s.Desired.Tracks) == 1 {
			continue
		}
		t := s.Desired.Traffic
		if s.move.Matches != nil {
			enough = false
		}
		if s.move.Capacity != nil {
			asked, enough = *s.move.Capacity, true
			w.refuseSmall(s.move, t)
		}
		need := plan.Capacity{Share: w.bought(split(t))}
		if len(t.Matches) > 0 && !enough {
			need = plan.Full // nobody knows how many requests match
		}
		if need = w.larger(need, asked); need != (plan.Capacity{}) {
			had = w.larger(need, had)
			need = had
		}
		w.setCanary(s, need)
		s.Desired.Tracks[0].Capacity = w.kept(t)
	}
}

// split is the share of the requests that the canary gets by weight and as copies.
func split(t plan.Traffic) plan.Share {
	need := t.Shares[plan.Canary]
	if t.Mirror != nil {
		need = min(plan.Whole, need+t.Mirror.Share)
	}
	return need
}

// bought is the capacity that a share of the requests costs. Where instances alone give weight, and stable keeps all of
// its own, a share s of all instances is s/(1-s) of stable's.
func (w *work) bought(s plan.Share) plan.Share {
	if !w.can.Router.Has(plan.Instances) || w.handsOver() {
		return s
	}
	left := max(1, plan.Whole-s)
	return min(plan.Whole, (s*plan.Whole+left-1)/left)
}

// handsOver reports whether capacity goes where the requests go, because the strategy wants it or because there never is
// more than the full size.
func (w *work) handsOver() bool {
	return w.draft.Strategy == Rolling || w.draft.Strategy == Recreate || w.can.Workload.Has(plan.Fixed)
}

// kept is what stable keeps at this step.
func (w *work) kept(t plan.Traffic) plan.Capacity {
	if w.handsOver() {
		return plan.Capacity{Share: t.Shares[plan.Stable]}
	}
	return plan.Full
}

// setCanary gives the canary its capacity, or takes the track away where nothing is left of it.
func (w *work) setCanary(s *step, c plan.Capacity) {
	if c == (plan.Capacity{}) {
		s.Desired.Tracks = slices.DeleteFunc(s.Desired.Tracks, func(t plan.Track) bool { return t.Name == plan.Canary })
		return
	}
	if !w.can.Workload.Has(plan.Scaling) {
		c = plan.Full // it has all it will ever have
	}
	s.Desired.Tracks[1].Capacity = c
}

// larger is the capacity that means more replicas of this target; the first where they mean as many.
func (w *work) larger(a, b plan.Capacity) plan.Capacity {
	if full := w.draft.Target.Replicas; b.Of(full) > a.Of(full) || b.Share > a.Share {
		return b
	}
	return a
}

// refuseSmall refuses a capacity that the user named and that cannot carry the requests of the same step. How many
// requests match is for the user to know; here it can only be said aloud.
func (w *work) refuseSmall(m Move, t plan.Traffic) {
	full := w.draft.Target.Replicas
	if len(t.Matches) > 0 && !covers(*m.Capacity, plan.Whole, full) {
		w.notes.Warn(m.At("capacity"), "matches may claim more requests than %s can carry; leave `capacity` out to be safe", size(*m.Capacity, full))
	}
	need := split(t)
	if covers(*m.Capacity, need, full) {
		return
	}
	w.notes.Refuse(m.At("capacity"), "%s cannot carry %v of the requests, which needs %s; leave `capacity` out to get what the step needs",
		size(*m.Capacity, full), need, size(plan.Capacity{Share: need}, full))
}

// covers reports whether a capacity can carry a share of the requests.
func covers(c plan.Capacity, need plan.Share, full int) bool {
	return c.Replicas == 0 && c.Share >= need || c.Of(full) >= plan.Capacity{Share: need}.Of(full)
}
