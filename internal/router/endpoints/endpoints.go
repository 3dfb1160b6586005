package endpoints

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// Driver describes the router to the catalog.
var Driver = router.Driver{
	Name:     "endpoints",
	Features: plan.Features{plan.Weights, plan.Fine, plan.Counted},
	Check:    Check,
	New: func(env router.Env) (router.Router, error) {
		if env.Cluster == nil {
			return nil, errors.New("the router endpoints needs a cluster")
		}
		return New(env.Cluster), nil
	},
	Cluster: true,
	Watches: watches,
	Rules:   allowed,
}

// A Router writes the EndpointSlices of Services. What it keeps in memory can be lost: it saves looks at the cluster.
type Router struct {
	*cluster.Access

	mu    sync.Mutex
	known map[string]types.NamespacedName // the Service of a target
	pods  map[string]crew                 // of a target, by name
}

// New returns a router that knows nothing yet.
func New(a *cluster.Access) *Router {
	return &Router{Access: a, known: map[string]types.NamespacedName{}, pods: map[string]crew{}}
}

// Features lists what slices can do.
func (r *Router) Features() plan.Features { return slices.Clone(Driver.Features) }

// handover bounds how long Restore waits until Kubernetes has the Service in hand.
const handover = 15 * time.Second

// Restore hands the Service over to Kubernetes, selector and all, and forgets the target. It returns when Kubernetes has it.
func (r *Router) Restore(ctx context.Context, target string) error {
	if err := r.restore(ctx, target); err != nil {
		return fmt.Errorf("restore endpoints of %s: %w", target, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, target)
	delete(r.pods, target)
	return nil
}

func (r *Router) restore(ctx context.Context, target string) error {
	ctx, cancel := context.WithTimeout(ctx, handover)
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		s, err := r.holding(ctx, target)
		if err != nil || s == nil {
			return err
		}
		left, err := r.handOver(ctx, s)
		if err != nil {
			return err
		}
		if left == "" {
			return r.write(ctx, s, s.given, nil)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", left, context.Cause(ctx))
		}
	}
}
