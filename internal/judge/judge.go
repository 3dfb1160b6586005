package judge

import (
	"encoding/json"

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
	// Readings are the answers of the users' own queries that were asked since the last look, by the metric's name. A metric
	// that was not asked is missing.
	Readings map[string]Reading `json:"readings,omitempty"`
}

// A Reading is one answer to a query about the canary: a number, a list of numbers, or any JSON; or why there is none.
type Reading struct {
	Value json.RawMessage `json:"value,omitempty"` // NaN and the infinities are the texts "NaN", "Infinity", "-Infinity"
	Error string          `json:"error,omitempty"`
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

	Strata   map[string]Tally   `json:"strata,omitempty"`   // the same requests by kind ("GET /cart"), where the store tells them apart
	Restarts int64              `json:"restarts,omitempty"` // ends of the instance nobody asked for: crashes, kills for want of memory
	Gauges   map[string]float64 `json:"gauges,omitempty"`   // levels at the end of the look, by name
	Sums     map[string]Sum     `json:"sums,omitempty"`     // business metrics, by name
}

// A Sum is what a bounded business metric (order value, items found) added up to during the look.
type Sum struct {
	N     int64   `json:"n"`
	Total float64 `json:"total"`
}
