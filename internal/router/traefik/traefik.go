package traefik

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// Driver describes the router to the catalog.
var Driver = router.Driver{
	Name:     "traefik",
	Features: plan.Features{plan.Weights, plan.Fine, plan.Mirroring, plan.Stickying},
	Check:    Check,
	New: func(env router.Env) (router.Router, error) {
		if env.Cluster == nil {
			return nil, errors.New("the router traefik needs a cluster")
		}
		return New(env.Cluster), nil
	},
	Cluster: true,
	Watches: watches,
	Rules:   allowed,
}

// A Router writes TraefikServices.
type Router struct {
	*cluster.Access
	objects *hands.Objects
}

// New returns a router that knows nothing yet.
func New(a *cluster.Access) *Router {
	return &Router{Access: a, objects: hands.New(a, holds, traefikService)}
}

// Features lists what TraefikServices can do.
func (r *Router) Features() plan.Features { return slices.Clone(Driver.Features) }

// Restore lets go of the target. Its TraefikService stays and serves stable, since users come by it.
func (r *Router) Restore(ctx context.Context, target string) error {
	ts, err := r.holding(ctx, target)
	if err == nil && ts != nil {
		err = r.rest(ctx, ts)
	}
	if err != nil {
		return fmt.Errorf("restore TraefikService of %s: %w", target, err)
	}
	r.objects.Forget(target)
	return nil
}

// rest leaves a TraefikService that sends everything to stable and says nothing of a target any more.
func (r *Router) rest(ctx context.Context, ts *unstructured.Unstructured) error {
	rec, err := readRecord(ts)
	if err != nil {
		return err
	}
	settings, err := decode(rec.With)
	if err != nil {
		return err
	}
	rec.Traffic = plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole}}
	mixture := rec.mixture(settings, idOf(ts))
	if err := r.put(ctx, idOf(ts), ts.GetLabels()[cluster.TargetLabel], mixture.entry, nil); err != nil {
		return err
	}
	return r.remove(ctx, besides(idOf(ts)), ts.GetLabels()[cluster.TargetLabel])
}
