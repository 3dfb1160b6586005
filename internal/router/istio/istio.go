package istio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// Driver describes the router to the catalog.
var Driver = router.Driver{
	Name:     "istio",
	Features: plan.Features{plan.Weights, plan.Fine, plan.Headers, plan.Cookies, plan.Paths, plan.Mirroring, plan.FineMirroring},
	Check:    Check,
	New: func(env router.Env) (router.Router, error) {
		if env.Cluster == nil {
			return nil, errors.New("the router istio needs a cluster")
		}
		return New(env.Cluster), nil
	},
	Cluster: true,
	Watches: watches,
	Rules:   allowed,
}

// A Router edits VirtualServices.
type Router struct {
	*cluster.Access
	objects *hands.Objects

	mu      sync.Mutex
	resting map[string]*record // by target: what was ordered last, where that needs no edit
}

// New returns a router that knows nothing yet.
func New(a *cluster.Access) *Router {
	return &Router{Access: a, objects: hands.New(a, holds, virtualService), resting: map[string]*record{}}
}

// Features lists what VirtualServices can do.
func (r *Router) Features() plan.Features { return slices.Clone(Driver.Features) }

// Restore hands the target's routes back as they were written. A VirtualService of serin's own goes on serving stable.
func (r *Router) Restore(ctx context.Context, target string) error {
	err := hands.Again(func() error {
		vs, err := r.objects.Holding(ctx, target)
		if err == nil && vs != nil {
			err = r.release(ctx, target, vs)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("restore VirtualService of %s: %w", target, err)
	}
	r.objects.Forget(target)
	r.rest(target, nil)
	return nil
}

// release takes the target's hands off a VirtualService.
func (r *Router) release(ctx context.Context, target string, vs *unstructured.Unstructured) error {
	h, err := readHeld(vs)
	if err != nil {
		return err
	}
	live, err := sections(vs)
	if err != nil {
		return err
	}
	user := loosen(live, h).user
	delete(h.Targets, target)
	_, err = r.put(ctx, vs.DeepCopy(), vs, arrangement{user: user, held: h})
	return err
}

// rested is what was ordered of a target last, where that needed no edit; nil where it did, or where nobody remembers.
func (r *Router) rested(target string) *record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resting[target]
}

func (r *Router) rest(target string, rec *record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.resting[target] = rec; rec == nil {
		delete(r.resting, target)
	}
}
