package world

import (
	"context"
	"fmt"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// A route is what the data plane does, and what it was told to do next.
type route struct {
	active  router.Order
	ordered *router.Order // not yet followed; nil: nothing new
	follows time.Time     // when it will be
	since   time.Time     // when active began
}

// sendsTo reports whether new requests may reach the instance.
func (r route) sendsTo(name string) bool {
	for _, endpoints := range r.active.Endpoints {
		for _, e := range endpoints {
			if e.Instance == name {
				return true
			}
		}
	}
	return false
}

// Router returns the world's router. It knows everything a router can know.
func (w *World) Router() router.Router { return routers{w} }

type routers struct{ w *World }

func (routers) Features() plan.Features {
	return plan.Features{plan.Weights, plan.Fine, plan.Headers, plan.Cookies, plan.Paths, plan.Mirroring, plan.FineMirroring, plan.Stickying, plan.StickyHeaders, plan.Draining}
}

func (v routers) Observe(_ context.Context, name string) (plan.Route, error) {
	if err := v.w.fails("observe route"); err != nil {
		return plan.Route{}, err
	}
	t, ok := v.w.targets[name]
	if !ok {
		return plan.Route{}, nil
	}
	r := plan.Route{Traffic: t.route.active.Traffic, Pools: t.route.active.Pools, Busy: map[string]int{}}
	if t.route.ordered != nil {
		r.Pending = "the data plane does not follow yet"
	} else if v.w.RouteRemembers {
		r.Since = t.route.since
	}
	for _, i := range t.instances {
		if t.route.sendsTo(i.name) || v.w.now.Before(i.last) {
			r.Busy[i.name] = 0
		}
		if v.w.now.Before(i.last) {
			r.Busy[i.name] = 1
		}
	}
	return r, nil
}

func (v routers) Apply(_ context.Context, name string, o router.Order) error {
	if err := v.w.fails("set route"); err != nil {
		return err
	}
	if err := o.Traffic.Shares.Check(); err != nil {
		return fmt.Errorf("set route of %s: %w", name, err)
	}
	t := v.w.target(name)
	v.w.inspect(t, o)
	if t.route.ordered == nil || !t.route.ordered.Traffic.Equal(o.Traffic) { // the same again is followed no later
		t.route.follows = v.w.now.Add(v.w.Weather.RouteLag)
	}
	t.route.ordered = &o
	if o.Traffic.Equal(t.route.active.Traffic) { // endpoints alone are followed at once, as by any service discovery
		t.route.follows = v.w.now
	}
	v.w.follow(t)
	if v.w.happens(v.w.Weather.ApplyHidden) {
		return fmt.Errorf("set route: simulated fault after it worked")
	}
	return nil
}

func (v routers) Restore(_ context.Context, name string) error {
	if t, ok := v.w.targets[name]; ok {
		t.route = route{}
	}
	return nil
}

// follow makes the data plane do what it was told, once its lag is over.
func (w *World) follow(t *target) {
	if t.route.ordered != nil && !w.now.Before(t.route.follows) {
		if !t.route.ordered.Traffic.Equal(t.route.active.Traffic) {
			t.route.since = t.route.follows
		}
		t.route.active, t.route.ordered = *t.route.ordered, nil
	}
}

// inspect holds an order against the promise that no share grows beyond what ready replicas carry. Stable may be
// overloaded where the alternative is to send requests nowhere.
func (w *World) inspect(t *target, o router.Order) {
	full, ready := 0, map[plan.PoolName]int{}
	for _, p := range w.pools(t) {
		ready[p.Name] = p.Ready
	}
	full = w.full(t)
	now := plan.Route{Traffic: t.route.active.Traffic, Pools: t.route.active.Pools}.Shares()
	if len(now) == 0 || full == 0 {
		return
	}
	for pool, share := range (plan.Route{Traffic: o.Traffic, Pools: o.Pools}).Shares() {
		if share <= now[pool] || pool == o.Pools[plan.Stable] || plan.Share(ready[pool]*int(plan.Whole)/full) >= share {
			continue
		}
		if ready[o.Pools[plan.Stable]] > 0 {
			w.breaks("share of %s grows from %s to %s with %d of %d replicas ready", pool, now[pool], share, ready[pool], full)
		}
	}
}

// Full is the size of every simulated target.
const Full = 4

func (*World) full(*target) int { return Full }

// under remembers that requests are under way on an instance. None takes longer than six times the mean: what outlives a
// step's deadline is cut off on purpose, and would say nothing about the engine.
func (w *World) under(i *instance) {
	truth := w.truth(i.revision)
	takes := time.Duration(min(6, w.dice.ExpFloat64()) * float64(truth.Bears))
	if end := w.now.Add(takes); end.After(i.last) {
		i.last = end
	}
}
