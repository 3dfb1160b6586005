package workload

import (
	"context"
	"encoding/json"
	"log/slog"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// A Driver describes a workload to the catalog.
type Driver struct {
	Kind     string // the word users write as a target's kind
	Features plan.Features
	Check    func(template json.RawMessage) error // refuses templates the workload could not run, naming the field
	New      func(Env) (Workload, error)

	Router  string          // the router of targets whose Canary names none; "": "proxy"
	Metrics string          // the metric store of targets whose Canary names none; "": "proxy"
	Cluster bool            // its targets live on a cluster; it is a Describer
	Watches []cluster.Watch // kinds whose changes mean that Describe or Observe may answer differently
	Rules   cluster.Rules   // what it needs to be allowed there
}

// An Env is what a workload gets from the program it runs in.
type Env struct {
	Log     *slog.Logger
	Dir     string          // a directory of its own that survives restarts; empty on a cluster
	Cluster *cluster.Access // nil outside of a cluster
}

// An Order is all that shall run of one target. A pool that exists and is not in the order is asked to go away.
// Ordering the same again changes nothing.
type Order struct {
	Pools []PoolOrder
	// Keep names instances that must not be stopped yet, because requests may still reach them or are under way there.
	// An instance that has to go but is kept leaves Endpoints at once and is stopped by a later order without it.
	Keep map[string]bool
	// Mingled: the target's router splits by number (plan.Instances), so all pools stand behind the user's own Service.
	// Otherwise pools are kept apart, each behind a Service of its own, and the user's reaches stable alone.
	Mingled bool
	// Owner is the Canary that the release belongs to, to be noted on what it holds ("shop/checkout").
	Owner string
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

// A Describer is a workload whose targets live where it runs, as objects of a cluster do, and not in the user's files.
type Describer interface {
	Workload
	// Describe reads what the target asks for now. A target that is missing or cannot be released this way is a
	// cluster.Problem. It changes nothing.
	Describe(ctx context.Context, target string) (Description, error)
	// Eject takes serin's hands off a target that is not being released: what serin added is removed, what it held goes on by
	// itself with the settled revision, and nothing stops serving meanwhile. Idempotent; a target never held is no error.
	Eject(ctx context.Context, target string, settled plan.Revision) error
}

// A Description is what a target asks for.
type Description struct {
	Replicas int             // full size, at least 1
	Revision plan.Revision   // of the template: [version-] and 8 hexadecimal digits of its digest
	Template json.RawMessage // all that PoolOrder.Template needs to run this revision later, whatever becomes of the target
	Origin   string          // the object, for people: "Deployment shop/checkout"
	// Unfinished says that what was ordered last is not all done, though no release may be under way: order it again.
	Unfinished bool
}
