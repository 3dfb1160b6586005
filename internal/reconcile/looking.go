package reconcile

import (
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// A Looking is one look, with the counters it was made from: what a recording is made of.
type Looking struct {
	Release  string        // the latest of the target
	Began    time.Time     // of the release
	From, To plan.Revision // what it brings, over what
	Target   string
	Analysis string // empty: stable is watched while nothing is released
	At       time.Time
	Weight   float64 // per cent of traffic that the route gives to the canary
	Seen     metric.Snapshot
	Answers  map[string]judge.Reading // of the users' own queries that were asked, by metric
}

// looked tells whoever keeps looks of one at a release; the rest of the look is the caller's.
func (l *Loop) looked(r *release, k Looking) {
	if l.Looked != nil {
		k.Release, k.Target, k.Began, k.From, k.To = r.Name, r.Target, r.Created, r.Plan.Stable, r.Plan.Canary
		l.Looked(k)
	}
}
