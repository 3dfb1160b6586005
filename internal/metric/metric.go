package metric

import (
	"context"
	"encoding/json"
	"log/slog"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// A Driver describes a metric store to the catalog.
type Driver struct {
	Name  string // the word users write under `metrics:`
	Check func(with json.RawMessage) error
	// Query refuses the settings of a user's own query that could not be asked; nil: the store is no Querier.
	Query func(with json.RawMessage) error
	// Lends are the settings that a query takes from `metrics:` where it leaves them out and both name this store.
	Lends []string
	New   func(Env) (Store, error)
	Local bool // exists on a single machine only
}

// An Env is what a metric store gets from the program it runs in.
type Env struct {
	Log     *slog.Logger
	Cluster *cluster.Access // nil outside of a cluster
	// Secret reads one key of a Secret of a target's namespace; nil outside of a cluster.
	Secret  func(ctx context.Context, namespace, name, key string) (string, error)
	Counted func(target string) map[string]Counters // what the embedded proxy counted, by instance; nil without one
}

// A Question asks for the counters of a target's instances.
type Question struct {
	Target string
	Tracks map[plan.TrackName][]plan.Endpoint // whom to ask, or whose counters to pick
	// Services are the names by which routers that go by name reach the tracks (plan.Pool.Service), for stores that find
	// counters by Service. A track without one is missing.
	Services map[plan.TrackName]string
	With     json.RawMessage // the store's own settings, decoded strictly by the store
}

// Counters are running totals of one instance since its own start. They only grow, until the instance is replaced (a
// new instance name) or reset (a smaller total).
type Counters struct {
	Requests int64     `json:"requests"`
	Failures int64     `json:"failures"`
	Bounds   []float64 `json:"le,omitempty"`      // upper bounds in seconds, ascending, without +Inf
	Buckets  []int64   `json:"buckets,omitempty"` // cumulative over Bounds
}

// A Snapshot is the counters of all instances at one instant, by track and instance. A track that could not be read is
// missing; Problems says why, by track.
type Snapshot struct {
	Tracks   map[plan.TrackName]map[string]Counters `json:"tracks"`
	Problems map[plan.TrackName]string              `json:"problems,omitempty"`
}

// A Store reads counters. All methods are safe for use by several goroutines.
type Store interface {
	// Read returns the counters now. An error means that nothing at all could be read; what is wrong with one track stands
	// in Problems. It never waits longer than the context allows and never reads without bound.
	Read(ctx context.Context, q Question) (Snapshot, error)
}
