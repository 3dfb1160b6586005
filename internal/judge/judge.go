package judge

import (
	"serin.dev/serin/internal/plan"
)

// A Judge turns looks into verdicts, one release at a time.
type Judge interface {
	// Start returns the state before the first look.
	Start() State
	// Look weighs one look. It gives up the state it was handed: only the returned one may be used afterwards.
	Look(State, Look) (State, plan.Verdict)
	// Restore reads a state that Checkpoint wrote. A state of another judge, or of other settings, is an error.
	Restore(checkpoint []byte) (State, error)
}

// A State is the evidence of one release so far.
type State interface {
	// Checkpoint encodes the state, exactly: a restored state judges bit for bit like the original.
	Checkpoint() ([]byte, error)
}

// A Look is what was counted on each track since the last look.
type Look struct {
	T      float64                   `json:"t"`      // seconds since the release began; at most 0: history, stable alone
	Weight float64                   `json:"weight"` // per cent of traffic meant for the canary at the end of the interval
	Gap    bool                      `json:"gap,omitempty"`
	Tracks map[plan.TrackName]Counts `json:"tracks,omitempty"` // a missing track is a missed scrape
}

// Counts are the increments of one track, by pod (any instance: a pod, a process, an upstream).
type Counts struct {
	Pods map[string]Tally `json:"pods"`
}

// A Tally is what one instance answered during the look.
type Tally struct {
	Requests int64     `json:"requests"`
	Failures int64     `json:"failures"`
	Bounds   []float64 `json:"le,omitempty"`      // upper bounds in seconds, ascending, without +Inf
	Buckets  []int64   `json:"buckets,omitempty"` // cumulative over Bounds, as in Prometheus; Requests is the +Inf bucket
}
