package istio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
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

// A Router edits VirtualServices. What it keeps in memory can be lost: it saves a look at the cluster, or keeps an old one from
// being believed.
type Router struct {
	*cluster.Access

	mu      sync.Mutex
	written map[types.NamespacedName]*unstructured.Unstructured // newer than what the cache may still say
	known   map[string]memory                                   // by target
}

// A memory is what this process knows of a target.
type memory struct {
	at      types.NamespacedName // its VirtualService
	resting *record              // what was ordered last, where that needs no edit
}

// New returns a router that knows nothing yet.
func New(a *cluster.Access) *Router {
	return &Router{Access: a, written: map[types.NamespacedName]*unstructured.Unstructured{}, known: map[string]memory{}}
}

// Features lists what VirtualServices can do.
func (r *Router) Features() plan.Features { return slices.Clone(Driver.Features) }

// Restore hands the target's routes back as they were written. A VirtualService of serin's own goes on serving stable.
func (r *Router) Restore(ctx context.Context, target string) error {
	vs, err := r.holding(ctx, target)
	if err == nil && vs != nil {
		err = r.release(ctx, target, vs)
	}
	if err != nil {
		return fmt.Errorf("restore VirtualService of %s: %w", target, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, target)
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

func (r *Router) memory(target string) (memory, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.known[target]
	return m, ok
}

func (r *Router) remember(target string, m memory) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[target] = m
}
