package compile

import (
	"fmt"

	"serin.dev/serin/internal/plan"
)

// features refuses, at the user's line, what the router or the workload cannot do.
func (w *work) features() {
	if w.first() {
		return // a first release asks nothing of either
	}
	for _, m := range w.draft.Moves {
		w.needWeights(m)
		w.needMatches(m)
		if m.Mirror != nil && *m.Mirror > 0 {
			w.needMirror(m)
		}
		if m.Capacity != nil && m.Origin.Field != w.strategyAt().Field && w.draft.Strategy != BlueGreen {
			w.needScaling(m.At("capacity"), "drop `capacity`")
		}
	}
	if s := w.draft.Sticky; s != nil {
		if w.need(plan.Stickying, w.draft.StickyAt, "keep users on their track", "drop `sticky`") && s.Header != "" {
			w.need(plan.StickyHeaders, w.draft.StickyAt, "keep users by a header", "name a `cookie`")
		}
	}
	if w.draft.Strategy == Rolling || w.draft.Strategy == Recreate {
		w.needScaling(w.strategyAt(), "use strategy weighted or blueGreen")
		if !w.can.Workload.Has(plan.Yielding) && w.can.Workload.Has(plan.Scaling) {
			w.notes.Refuse(w.strategyAt(), "the size of a %s is its user's, so stable gives no capacity away during a release; use strategy weighted or blueGreen", w.draft.Target.Kind)
		}
	}
	w.fixed()
	w.counted()
}

// fixed refuses what asks for more instances than the target has.
func (w *work) fixed() {
	if s := w.draft.Strategy; w.can.Workload.Has(plan.Fixed) && (s == BlueGreen || s == Recreate) {
		w.notes.Refuse(w.strategyAt(), "a %s never runs more than its full size, so both revisions cannot stand whole side by side; use strategy weighted or rolling", w.draft.Target.Kind)
	}
}

// counted refuses shares that numbers of instances cannot give.
func (w *work) counted() {
	if !w.can.Router.Has(plan.Instances) {
		return
	}
	if w.draft.Strategy == BlueGreen {
		w.notes.Refuse(w.strategyAt(), "router %s splits requests by the number of instances and cannot move them all at once; use strategy weighted, or a router that moves weights", w.draft.Router.Kind)
		return
	}
	for _, m := range w.draft.Moves {
		if m.Weight != nil && *m.Weight > plan.Whole/2 && !w.can.Workload.Has(plan.Yielding) {
			w.notes.Refuse(m.At("weight"), "%v cannot be had by the number of instances while stable keeps its own: at most 50%% can; lower the weight, or choose a router that moves weights", *m.Weight)
		}
	}
}

func (w *work) needWeights(m Move) {
	if m.Weight == nil || *m.Weight == 0 || *m.Weight == plan.Whole {
		return
	}
	if w.need(plan.Weights, m.At("weight"), "split requests by weight", "use strategy blueGreen or ab") && *m.Weight%10 != 0 {
		w.need(plan.Fine, m.At("weight"), fmt.Sprintf("split finer than whole per cent (%v)", *m.Weight), "round the weight")
	}
}

func (w *work) needMirror(m Move) {
	if w.need(plan.Mirroring, m.At("mirror"), "copy requests", "drop `mirror`") && *m.Mirror%10 != 0 {
		w.need(plan.FineMirroring, m.At("mirror"), fmt.Sprintf("copy finer than whole per cent (%v)", *m.Mirror), "round the mirror")
	}
}

func (w *work) needMatches(m Move) {
	for _, match := range m.Matches {
		if len(match.Headers) > 0 {
			w.need(plan.Headers, m.At("match"), "match headers", "match something else")
		}
		if len(match.Cookies) > 0 {
			w.need(plan.Cookies, m.At("match"), "match cookies", "match something else")
		}
		if match.Path != nil {
			w.need(plan.Paths, m.At("match"), "match paths", "match something else")
		}
	}
}

// need reports whether the router has the feature, and refuses the field where it does not.
func (w *work) need(f plan.Feature, at plan.Origin, act, remedy string) bool {
	if w.can.Router.Has(f) {
		return true
	}
	w.notes.Refuse(at, "router %s cannot %s; %s, or choose a router with feature %q", w.draft.Router.Kind, act, remedy, f)
	return false
}

func (w *work) needScaling(at plan.Origin, remedy string) {
	if !w.can.Workload.Has(plan.Scaling) {
		w.notes.Refuse(at, "a target of kind %s cannot change its capacity; %s, or choose a target with feature %q", w.draft.Target.Kind, remedy, plan.Scaling)
	}
}
