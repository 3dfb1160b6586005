package traefik

import (
	"context"
	"fmt"
	"maps"
	"time"

	"serin.dev/serin/internal/plan"
)

// Observe reads what the TraefikService says of the target, whoever wrote it.
func (r *Router) Observe(ctx context.Context, target string) (plan.Route, error) {
	seen, err := r.observe(ctx, target)
	if err != nil {
		return plan.Route{}, fmt.Errorf("observe TraefikService of %s: %w", target, err)
	}
	return seen, nil
}

func (r *Router) observe(ctx context.Context, target string) (plan.Route, error) {
	ts, err := r.holding(ctx, target)
	if err != nil || ts == nil {
		return plan.Route{}, err // nobody's, or taken away by hand: the next order begins anew
	}
	rec, err := readRecord(ts)
	if err != nil {
		return plan.Route{}, err
	}
	settings, err := decode(rec.With)
	if err != nil {
		return plan.Route{}, err
	}
	var shares map[string]any
	if rec.mixture(settings, idOf(ts)).beside != nil {
		beside, err := r.beside(ctx, idOf(ts))
		if err != nil {
			return plan.Route{}, err
		}
		if beside != nil {
			shares = object(beside.Object, "spec")
		}
	}
	seen, foreign := plan.Route{Pools: maps.Clone(rec.Pools)}, ""
	seen.Traffic, foreign = rec.said(object(ts.Object, "spec"), shares)
	switch settle := time.Duration(*settings.Settle); {
	case foreign != "":
		seen.Pending = fmt.Sprintf("%s: %s", title(ts), foreign)
	case r.Now().Before(rec.Changed.Add(settle)):
		seen.Pending = fmt.Sprintf("%s: written; Traefik follows within %s", title(ts), settle)
	default:
		seen.Since = rec.Changed.Add(settle) // from the object alone: another process says the same
	}
	return seen, nil
}
