package workload

import (
	"context"
	"encoding/json"
	"log/slog"

	"serin.dev/serin/internal/plan"
)

// A Driver describes a workload to the catalog.
type Driver struct {
	Kind     string // the word users write as a target's kind
	Features plan.Features
	Check    func(template json.RawMessage) error // refuses templates the workload could not run, naming the field
	New      func(Env) (Workload, error)
}

// An Env is what a workload gets from the program it runs in.
type Env struct {
	Log *slog.Logger
	Dir string // a directory of its own that survives restarts
}

// An Order is all that shall run of one target. A pool that exists and is not in the order is asked to go away.
// Ordering the same again changes nothing.
type Order struct {
	Pools []PoolOrder
	// Keep names instances that must not be stopped yet, because requests may still reach them or are under way there.
	// An instance that has to go but is kept leaves Endpoints at once and is stopped by a later order without it.
	Keep map[string]bool
}

// A PoolOrder is what one pool shall run.
type PoolOrder struct {
	Pool     plan.PoolName
	Revision plan.Revision
	Template json.RawMessage // the revision's immutable settings, as the user gave them to this workload
	Replicas int
}

// A Workload runs the revisions of targets. All methods are safe for use by several goroutines.
type Workload interface {
	// Features lists what the workload can do.
	Features() plan.Features
	// Observe reads what runs of the target. It changes nothing. The order of pools is by name.
	Observe(ctx context.Context, target string) ([]plan.Pool, error)
	// Apply starts, keeps and stops instances until they are as ordered. It returns soon: progress is for Observe to say.
	// Idempotent. Within a pool the instances that are not ready go first, then the youngest.
	Apply(ctx context.Context, target string, o Order) error
	// Changed is signalled (never blocking) when an observation of the target may have changed; nil when the workload
	// cannot tell and has to be asked again and again.
	Changed(target string) <-chan struct{}
}
