package compile

import (
	"fmt"
	"slices"
	"time"

	"serin.dev/serin/internal/plan"
)

// expand writes out what a strategy means beyond its moves: the defaults where the user gave none, and the moves that
// belong to it by nature.
func (w *work) expand() {
	w.draft.Moves = slices.Clone(w.draft.Moves)
	if len(w.draft.Moves) == 0 {
		w.draft.Moves = w.defaults()
	}
	switch w.draft.Strategy {
	case "":
		w.draft.Strategy = Weighted
	case BlueGreen:
		w.expandBlueGreen()
	case Recreate:
		w.expandRecreate()
	case Mirror:
		w.mirrorsFirst()
	case Matched:
		w.needsMatch()
	}
}

// defaults are the moves of a draft without any.
func (w *work) defaults() []Move {
	switch w.draft.Strategy {
	case BlueGreen:
		return []Move{w.added("preview", Move{Hold: time.Minute})}
	case Mirror:
		return append([]Move{w.added("", Move{Mirror: share(100), Hold: 5 * time.Minute})}, w.ladder()...)
	case Matched:
		volunteers := []plan.Match{
			{Headers: []plan.Condition{{Name: "X-Canary", How: plan.Exact, Value: "always"}}, Track: plan.Canary},
			{Cookies: []plan.Condition{{Name: "canary", How: plan.Exact, Value: "always"}}, Track: plan.Canary},
		}
		return []Move{w.added("", Move{Matches: volunteers, Hold: 10 * time.Minute})}
	case Rolling:
		return Batches(w.strategyAt(), 250, 0)
	case Recreate:
		return nil
	}
	return w.ladder()
}

// ladder is the default of weighted releases: 1, 5, 25 and 50 %, two minutes each.
func (w *work) ladder() []Move {
	var moves []Move
	for _, weight := range []plan.Share{10, 50, 250, 500} {
		moves = append(moves, w.added("", Move{Weight: &weight, Hold: 2 * time.Minute}))
	}
	return moves
}

// Batches are the moves of a rolling release: the canary's share grows by the batch until it has everything.
func Batches(at plan.Origin, batch plan.Share, hold time.Duration) []Move {
	var moves []Move
	for weight := batch; ; weight += batch {
		weight := min(weight, plan.Whole)
		moves = append(moves, Move{Origin: at, Weight: &weight, Hold: hold})
		if weight == plan.Whole {
			return moves
		}
	}
}

// expandBlueGreen gives the canary its full size from the first move on and, unless the user does so, everything in one
// move at the end, with stable kept beside it for five minutes.
func (w *work) expandBlueGreen() {
	moves := w.draft.Moves
	for i, m := range moves {
		if m.Weight != nil && *m.Weight > 0 && *m.Weight < plan.Whole {
			w.notes.Refuse(m.At("weight"), "a blue-green release moves all requests at once, not %v; use weight 0 or 100, or strategy weighted", *m.Weight)
		}
		if m.Capacity == nil {
			full := plan.Full
			moves[i].Capacity = &full
		}
	}
	switches := func(m Move) bool { return m.Weight != nil && *m.Weight == plan.Whole }
	if !slices.ContainsFunc(moves, switches) {
		full := plan.Full
		w.draft.Moves = append(moves, w.added("switch", Move{Weight: share(plan.Whole), Capacity: &full, Hold: 5 * time.Minute}))
	}
}

// expandRecreate stops stable, starts the new revision while nobody gets requests, and only then lets them in. The user's
// moves, if any, are held after that with everybody on the new revision.
func (w *work) expandRecreate() {
	for _, m := range w.draft.Moves {
		if m.Weight != nil || m.Mirror != nil || m.Matches != nil || m.Capacity != nil {
			w.notes.Refuse(m.Origin, "a recreation never runs both revisions, so its steps can only hold, approve or notify")
		}
	}
	at := w.strategyAt()
	w.notes.Warn(at, "requests wait while %s is recreated: from the last instance of stable until the new revision is ready", w.draft.Target.Key())
	full := plan.Full
	moves := []Move{w.added("stop", Move{Stop: true}), w.added("start", Move{Stop: true, Capacity: &full})}
	if len(w.draft.Moves) > 0 {
		w.notes.Warn(w.draft.Moves[0].Origin, "going back from here starts the old revision before the new one stops, so for a moment both run")
		first := &w.draft.Moves[0]
		first.Weight = share(plan.Whole)
	}
	w.draft.Moves = append(moves, w.draft.Moves...)
}

// mirrorsFirst refuses a mirror strategy whose first move does not mirror.
func (w *work) mirrorsFirst() {
	first := w.draft.Moves[0]
	if first.Mirror == nil || *first.Mirror == 0 {
		w.notes.Refuse(first.Origin, "strategy mirror begins with copies of requests; give this step a mirror, or choose strategy weighted")
	}
}

// needsMatch refuses an A/B release in which nobody is matched.
func (w *work) needsMatch() {
	if !slices.ContainsFunc(w.draft.Moves, func(m Move) bool { return len(m.Matches) > 0 }) {
		w.notes.Refuse(w.draft.Moves[0].Origin, "strategy ab needs a step with a match; give one, or choose strategy weighted")
	}
}

// added dresses a move that no user wrote: its origin says which strategy wanted it.
func (w *work) added(name string, m Move) Move {
	m.Name, m.Origin = name, w.strategyAt()
	return m
}

// strategyAt is the place to blame for what a strategy adds.
func (w *work) strategyAt() plan.Origin {
	at := w.draft.StratAt
	if at == (plan.Origin{}) {
		at = w.draft.Origin
	}
	strategy := w.draft.Strategy
	if strategy == "" {
		strategy = Weighted
	}
	at.Field = fmt.Sprintf("strategy %s", strategy)
	return at
}

func share(s plan.Share) *plan.Share { return &s }
