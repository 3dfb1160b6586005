package reconcile

import (
	"time"

	"serin.dev/serin/internal/metric"
)

// A Looking is one look, with the counters it was made from: what a recording is made of.
type Looking struct {
	Release  string    // the latest of the target
	Began    time.Time // of the release
	Target   string
	Analysis string // empty: stable is watched while nothing is released
	At       time.Time
	Weight   float64 // per cent of traffic that the route gives to the canary
	Seen     metric.Snapshot
}

// looked tells whoever keeps looks.
func (l *Loop) looked(k Looking) {
	if l.Looked != nil {
		l.Looked(k)
	}
}
