package reconcile

import (
	"context"
	"time"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

const (
	pastLength = 30 * time.Minute // how much of stable's past a judge is shown before a release
	pastEvery  = 10 * time.Second
)

// A history is what stable did lately while nothing was being released: judges learn from it how failures cluster and how
// much instances differ by themselves.
type history struct {
	last  metric.Snapshot
	read  time.Time
	looks []pastLook
}

type pastLook struct {
	at     time.Time
	tracks map[plan.TrackName]judge.Counts
}

// watchStable adds to the history of a target that is not being released. What cannot be read is left out.
func (l *Loop) watchStable(ctx context.Context, r *release, seen engine.Sight) {
	if r.target.Source.Kind == "" {
		return
	}
	h := l.historyOf(r.Target)
	if seen.Now.Sub(h.read) < pastEvery {
		return
	}
	stable := plan.State{Tracks: []plan.Track{{Name: plan.Stable, Pool: seen.Route.Pool(plan.Stable)}}}
	now, problem := l.read(ctx, r.target.Source, question(r.Target, stable, seen, h.last, nil))
	first := h.read.IsZero()
	h.read = seen.Now
	l.looked(r, Looking{At: seen.Now, Seen: now})
	if problem != "" {
		return
	}
	tracks, gap := metric.Increments(h.last, now)
	h.last = now
	if first || gap {
		return
	}
	h.looks = append(h.looks, pastLook{at: seen.Now, tracks: tracks})
	for len(h.looks) > 0 && seen.Now.Sub(h.looks[0].at) > pastLength {
		h.looks = h.looks[1:]
	}
}

// past returns the history as looks before the release, at times up to zero.
func (l *Loop) past(target string, now time.Time) []judge.Look {
	h := l.historyOf(target)
	looks := make([]judge.Look, 0, len(h.looks))
	for _, p := range h.looks {
		if stable, ok := p.tracks[plan.Stable]; ok && now.Sub(p.at) <= pastLength {
			looks = append(looks, judge.Look{T: -now.Sub(p.at).Seconds(), Tracks: map[plan.TrackName]judge.Counts{plan.Stable: stable}})
		}
	}
	return looks
}

func (l *Loop) historyOf(target string) *history {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, ok := l.history[target]
	if !ok {
		h = &history{}
		l.history[target] = h
	}
	return h
}
