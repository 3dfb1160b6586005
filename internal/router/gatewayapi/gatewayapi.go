package gatewayapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// Driver describes the router to the catalog.
var Driver = router.Driver{
	Name:     "gatewayAPI",
	Features: plan.Features{plan.Weights, plan.Fine, plan.Headers, plan.Cookies, plan.Paths, plan.Mirroring, plan.FineMirroring},
	Check:    Check,
	Means:    means,
	New: func(env router.Env) (router.Router, error) {
		if env.Cluster == nil {
			return nil, errors.New("the router gatewayAPI needs a cluster")
		}
		return New(env.Cluster), nil
	},
	Cluster: true,
	Watches: watches,
	Rules:   allowed,
}

// A Router edits routes.
type Router struct {
	*cluster.Access
	objects *hands.Objects

	mu    sync.Mutex
	known map[string]*memory // by target
}

// A memory is what this process knows of a target beside where its route is. It can be lost.
type memory struct {
	route   routeID
	resting *record // what was ordered last, where that needs no edit of the route
	// When a generation of the route was first seen to be acknowledged, after it was seen not to be.
	unseen       int64
	acknowledged time.Time
}

// New returns a router that knows nothing yet.
func New(a *cluster.Access) *Router {
	return &Router{Access: a, objects: hands.New(a, holds, kindOf(httpRoute), kindOf(grpcRoute)), known: map[string]*memory{}}
}

// Features lists what routes can do.
func (r *Router) Features() plan.Features { return slices.Clone(Driver.Features) }

// Restore hands the target's rules back as they were written. A route of serin's own goes on serving stable.
func (r *Router) Restore(ctx context.Context, target string) error {
	err := hands.Again(func() error {
		route, err := r.objects.Holding(ctx, target)
		if err == nil && route != nil {
			err = r.release(ctx, target, route)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("restore route of %s: %w", target, err)
	}
	r.forget(target)
	return nil
}

// release takes the target's hands off a route.
func (r *Router) release(ctx context.Context, target string, route *unstructured.Unstructured) error {
	h, err := readHeld(route)
	if err != nil {
		return err
	}
	live, err := rulesOf(route)
	if err != nil {
		return err
	}
	l := loosen(live, h)
	delete(h.Targets, target)
	_, err = r.put(ctx, route.DeepCopy(), route, l.rules, h, l.places(h))
	return err
}

// places says where the edits of the targets that stay are.
func (l loose) places(h held) map[string][]int {
	places := map[string][]int{}
	for target := range h.Targets {
		for _, s := range l.found[target] {
			if s.place >= 0 {
				places[target] = append(places[target], s.place)
			}
		}
	}
	return places
}

// rested is what was ordered of a target last, where that needed no edit; nil where it did, or where nobody remembers.
func (r *Router) rested(target string) *record {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m, ok := r.known[target]; ok {
		return m.resting
	}
	return nil
}

// remember notes where a target's hands are, and what was ordered where that needs none.
func (r *Router) remember(target string, route *unstructured.Unstructured, resting *record) {
	r.objects.Remember(target, route, resting != nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.memory(target, idOf(route)).resting = resting
}

// memory is what is known of a target while its route is this one. The mutex is held.
func (r *Router) memory(target string, id routeID) *memory {
	m, ok := r.known[target]
	if !ok || m.route != id {
		m = &memory{route: id}
		r.known[target] = m
	}
	return m
}

func (r *Router) forget(target string) {
	r.objects.Forget(target)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, target)
}

// settled notes whether the route as it is now is acknowledged, and returns since when, as far as this process has seen it happen.
func (r *Router) settled(target string, route *unstructured.Unstructured, acknowledged bool) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.memory(target, idOf(route))
	switch generation := route.GetGeneration(); {
	case !acknowledged:
		m.unseen = generation
	case m.unseen == generation:
		m.unseen, m.acknowledged = 0, r.Now()
	}
	return m.acknowledged
}
