package gate

import (
	"context"

	"serin.dev/serin/internal/plan"
)

// A Driver describes a keeper to the catalog.
type Driver struct {
	Name string
	New  func() (Keeper, error)
}

// A Request is what somebody wants to do at an approval gate.
type Request struct {
	Release string
	Gate    plan.Approved
	Act     plan.Act            // approve or reject, by whom, and why
	Groups  map[string][]string // who belongs to which group, as the Canary writes it down
}

// A Keeper says who may answer. All methods are safe for use by several goroutines.
type Keeper interface {
	// Admit returns nil when the actor may answer the gate, else an error that says why not, or that it cannot tell. It returns
	// within the context's deadline and changes nothing.
	Admit(ctx context.Context, r Request) error
}
