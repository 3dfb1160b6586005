package replicas

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// Driver describes this router to the catalog.
var Driver = router.Driver{
	Name:     "replicas",
	Features: plan.Features{plan.Weights, plan.Fine, plan.Instances},
	Check:    Check,
	New:      func(router.Env) (router.Router, error) { return New(), nil },
	Cluster:  true,
}

// Check refuses all settings: there are none.
func Check(with json.RawMessage) error { return plan.Decode(with, &struct{}{}) }

// Replicas splits requests by the number of instances.
type Replicas struct {
	mu     sync.Mutex
	orders map[string]order // by target
}

// An order is what was last asked for, and how many instances each track had then.
type order struct {
	router.Order
	counts map[plan.TrackName]int
}

// New returns a router without orders.
func New() *Replicas { return &Replicas{orders: map[string]order{}} }

// Features lists what the router can do.
func (r *Replicas) Features() plan.Features { return slices.Clone(Driver.Features) }

// Observe reports the shares that the instances of the last order give.
func (r *Replicas) Observe(_ context.Context, target string) (plan.Route, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o, ok := r.orders[target]
	if !ok {
		return plan.Route{}, nil
	}
	route := plan.Route{Traffic: o.Traffic, Pools: maps.Clone(o.Pools)}
	route.Traffic.Shares = maps.Clone(o.Traffic.Shares)
	if total := o.total(); total > 0 && !o.met(total) {
		route.Traffic.Shares = o.actual(total)
	}
	return route, nil
}

// Apply takes an order, and the instances that are there for it.
func (r *Replicas) Apply(_ context.Context, target string, o router.Order) error {
	if err := Check(o.With); err != nil {
		return fmt.Errorf("settings of router replicas: %w", err)
	}
	if t := o.Traffic; len(t.Matches) > 0 || t.Mirror != nil || t.Sticky != nil {
		return errors.New("router replicas splits requests by number alone: it knows no matches, mirrors and sticky sessions")
	}
	if err := o.Traffic.Shares.Check(); err != nil {
		return err
	}
	counts := map[plan.TrackName]int{}
	for track, endpoints := range o.Endpoints {
		counts[track] = len(endpoints)
	}
	o.Traffic.Shares, o.Pools = maps.Clone(o.Traffic.Shares), maps.Clone(o.Pools)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.orders[target] = order{Order: o, counts: counts}
	return nil
}

// Restore forgets the target: there is nothing to take hands off.
func (r *Replicas) Restore(_ context.Context, target string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.orders, target)
	return nil
}

func (o order) total() int {
	sum := 0
	for _, n := range o.counts {
		sum += n
	}
	return sum
}

// met reports whether every track's number of instances is within one of what its share makes of all of them, none where
// nothing is asked for.
func (o order) met(total int) bool {
	for track := range tracks(o.Traffic.Shares, o.counts) {
		share, n := o.Traffic.Shares[track], o.counts[track]
		if share == 0 && n > 0 || share > 0 && n == 0 {
			return false
		}
		if off := n*int(plan.Whole) - int(share)*total; off > int(plan.Whole) || off < -int(plan.Whole) {
			return false
		}
	}
	return true
}

// actual is the share that each track's instances have. Stable takes what rounding leaves.
func (o order) actual(total int) plan.Shares {
	shares := plan.Shares{}
	rest := plan.Whole
	for track := range tracks(o.Traffic.Shares, o.counts) {
		if track != plan.Stable {
			shares[track] = plan.Share(o.counts[track] * int(plan.Whole) / total)
			rest -= shares[track]
		}
	}
	shares[plan.Stable] = rest
	return shares
}

func tracks(a plan.Shares, b map[plan.TrackName]int) map[plan.TrackName]bool {
	all := map[plan.TrackName]bool{}
	for t := range a {
		all[t] = true
	}
	for t := range b {
		all[t] = true
	}
	return all
}

// Achievable is the share that some instances of the canary beside others of stable get.
func Achievable(canary, stable int) plan.Share {
	if canary+stable == 0 {
		return 0
	}
	return plan.Share((canary*int(plan.Whole) + (canary+stable)/2) / (canary + stable))
}
