package engine

import (
	"time"

	"serin.dev/serin/internal/plan"
)

// latest is the last moment that a running release is known to have seen.
func latest(at plan.Position) time.Time {
	last := at.Entered
	if at.Phase.Over() {
		return time.Time{} // nothing is timed any more
	}
	for _, t := range []time.Time{at.Arrived, at.Short} {
		last = later(last, t)
	}
	for _, t := range at.Dark {
		last = later(last, t)
	}
	return last
}

// shifted moves the clocks of a position. A machine whose clock was set back would otherwise hold a step for as long again
// as it was set back.
func shifted(at plan.Position, by time.Duration) plan.Position {
	at.Entered = move(at.Entered, by)
	at.Arrived = move(at.Arrived, by)
	at.Short = move(at.Short, by)
	for name, t := range at.Dark {
		at.Dark[name] = t.Add(by)
	}
	if at.Waiting != nil {
		w := *at.Waiting
		w.Since, w.Until = move(w.Since, by), move(w.Until, by)
		at.Waiting = &w
	}
	return at
}

func move(t time.Time, by time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(by)
}
