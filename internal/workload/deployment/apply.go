package deployment

import (
	"context"
	"errors"
	"fmt"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Apply holds the user's Deployment at the revision that is ordered of stable, or lets it roll there, and makes the canary's
// own. It refuses an order as a whole before it changes anything.
func (d *Deployments) Apply(ctx context.Context, name string, o workload.Order) error {
	templates, err := d.check(name, o)
	if err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	t, err := d.readAll(ctx, name, d.a)
	if err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	if err := t.taken(o.Owner); err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	order := map[plan.PoolName]workload.PoolOrder{}
	for _, po := range o.Pools {
		order[po.Pool] = po
	}
	// One that does not work does not keep the other from being tried: each is safe by itself.
	errCanary := d.applyCanary(ctx, t, order[canaryPool], templates[canaryPool], o)
	var errStable error
	if stable, ok := order[stablePool]; ok {
		errStable = d.applyStable(ctx, t, stable, templates[stablePool], o)
	}
	if err := errors.Join(errCanary, errStable); err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	return nil
}

// check reads the templates of an order and refuses what cannot be done.
func (d *Deployments) check(target string, o workload.Order) (map[plan.PoolName]*Template, error) {
	templates := map[plan.PoolName]*Template{}
	for _, po := range o.Pools {
		if _, twice := templates[po.Pool]; twice {
			return nil, fmt.Errorf("pool %s is ordered twice", po.Pool)
		}
		switch {
		case po.Pool != stablePool && po.Pool != canaryPool:
			return nil, fmt.Errorf("pool %s: a Deployment has the pools stable and canary", po.Pool)
		case po.Replicas < 0:
			return nil, fmt.Errorf("pool %s: %d replicas", po.Pool, po.Replicas)
		}
		templates[po.Pool] = nil
		if po.Replicas == 0 || po.Pool == stablePool && len(po.Template) == 0 {
			continue // of a revision that is of no use any more, the template may be forgotten
		}
		template, err := d.templates.decode(target, po.Pool, po.Template)
		if err != nil {
			return nil, fmt.Errorf("pool %s: template: %w", po.Pool, err)
		}
		templates[po.Pool] = template
	}
	return templates, nil
}
