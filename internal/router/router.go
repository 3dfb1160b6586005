package router

import (
	"context"
	"encoding/json"
	"log/slog"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// A Driver describes a router to the catalog.
type Driver struct {
	Name     string // the word users write under `traffic:`
	Features plan.Features
	Check    func(with json.RawMessage) error // refuses settings the router could not use, naming the field
	// Means names another router, where settings written for this one are that one's; empty where they are not. May be nil.
	Means   func(with json.RawMessage) string
	New     func(Env) (Router, error)
	Cluster bool            // lives on a cluster, and exists only there
	Watches []cluster.Watch // kinds whose changes mean that Observe may answer differently
	Rules   cluster.Rules   // what it needs to be allowed there
}

// An Env is what a router gets from the program it runs in.
type Env struct {
	Log     *slog.Logger
	Cluster *cluster.Access // nil outside of a cluster
}

// An Order is the complete traffic of one target. Ordering the same again changes nothing.
type Order struct {
	Traffic plan.Traffic
	Pools   map[plan.TrackName]plan.PoolName // echoed by Observe
	// Endpoints are the instances of each track. Routers that address a track by name (a Service) ignore them.
	Endpoints map[plan.TrackName][]plan.Endpoint
	// Services are the names by which routers that go by name reach the tracks (plan.Pool.Service).
	Services map[plan.TrackName]string
	With     json.RawMessage // the router's own settings for this target
}

// A Router moves the traffic of targets. All methods are safe for use by several goroutines.
type Router interface {
	// Features lists what the router can do. The compiler refuses plans that ask for more.
	Features() plan.Features
	// Observe reads what the data plane does for the target. It changes nothing. A target never ordered is the zero Route.
	Observe(ctx context.Context, target string) (plan.Route, error)
	// Apply makes the order so. It returns when the order is stored with the router; whether the data plane follows is for
	// Observe to say. Idempotent. A router that cannot do all of the order does nothing and returns an error.
	Apply(ctx context.Context, target string, o Order) error
	// Restore takes the router's hands off the target: what serin added is removed, the user's own route stands as found.
	// A target unknown to the router is not an error.
	Restore(ctx context.Context, target string) error
}
