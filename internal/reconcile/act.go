package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/workload"
)

// act makes the world as ordered. The route goes first, because that is what users feel; the engine's orders are safe in
// either order, and one that does not work does not keep the other from being tried.
func (l *Loop) act(ctx context.Context, r *release, seen engine.Sight, o engine.Orders) error {
	run, send, err := l.backends(r)
	if err != nil {
		return err
	}
	there := route(r, seen, o)
	errRoute := send.Apply(ctx, r.Target, there)
	if errRoute != nil {
		errRoute = fmt.Errorf("set route: %w", errRoute)
		if r.Plan.Stable == "" { // the target goes on as it did before serin came, until all of it can be taken in hand
			return errRoute
		}
	}
	errRun := run.Apply(ctx, r.Target, capacity(r, o, there, send.Features()))
	if errRun != nil {
		errRun = fmt.Errorf("set capacity: %w", errRun)
	}
	return errors.Join(errRoute, errRun)
}

func route(r *release, seen engine.Sight, o engine.Orders) router.Order {
	return routeTo(r, seen.Pools, o.Traffic, o.Behind)
}

func routeTo(r *release, pools []plan.Pool, traffic plan.Traffic, behind map[plan.TrackName]plan.PoolName) router.Order {
	endpoints, services := map[plan.TrackName][]plan.Endpoint{}, map[plan.TrackName]string{}
	for track, pool := range behind {
		for _, p := range pools {
			if p.Name == pool {
				endpoints[track], services[track] = p.Endpoints, p.Service
			}
		}
	}
	return router.Order{Traffic: traffic, Pools: behind, Endpoints: endpoints, Services: services, With: r.target.Router.With}
}

// capacity keeps what the engine keeps, and the instances that the route was told of a moment ago: one that got ready just
// when its pool has to shrink is in both.
func capacity(r *release, o engine.Orders, there router.Order, can plan.Features) workload.Order {
	order := workload.Order{Keep: map[string]bool{}, Mingled: can.Has(plan.Instances), Owner: r.Canary}
	maps.Copy(order.Keep, o.Keep)
	for _, endpoints := range there.Endpoints {
		for _, e := range endpoints {
			order.Keep[e.Instance] = true
		}
	}
	for _, p := range o.Pools {
		order.Pools = append(order.Pools, workload.PoolOrder{Pool: p.Pool, Revision: p.Revision, Template: r.Templates[p.Revision], Replicas: p.Replicas})
	}
	return order
}

func cut(target string) (kind, name string, ok bool) { return strings.Cut(target, "/") }
