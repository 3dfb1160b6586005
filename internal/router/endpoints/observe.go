package endpoints

import (
	"context"
	"fmt"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/attached"
	"serin.dev/serin/internal/plan"
)

// Observe reads who stands behind the target's Service, and whether data planes are known to follow.
func (r *Router) Observe(ctx context.Context, target string) (plan.Route, error) {
	seen, err := r.observe(ctx, target)
	if err != nil {
		return plan.Route{}, fmt.Errorf("observe endpoints of %s: %w", target, err)
	}
	return seen, nil
}

func (r *Router) observe(ctx context.Context, target string) (plan.Route, error) {
	s, err := r.holding(ctx, target)
	if err != nil || s == nil {
		return plan.Route{}, err // nobody's, or taken away by hand: the next order begins anew
	}
	settings, err := decode(s.record.With)
	if err != nil {
		return plan.Route{}, err
	}
	seen := plan.Route{Pools: maps.Clone(s.record.Pools), Traffic: s.traffic()}
	behind, err := r.unacknowledged(ctx, s, settings)
	if err != nil {
		return plan.Route{}, err
	}
	since := s.record.Changed.Add(time.Duration(*settings.Settle))
	switch {
	case s.between():
		seen.Pending = title(s.Service) + ": serin's endpoints and those of Kubernetes stand side by side"
	case behind != "":
		seen.Pending = behind
	case r.Now().Before(since):
		seen.Pending = fmt.Sprintf("%s: endpoints are written; data planes follow within %s", title(s.Service), time.Duration(*settings.Settle))
	default:
		seen.Since = since // from the objects alone: another process says the same
	}
	return seen, nil
}

// between reports whether the Service is on its way from serin to Kubernetes, or back.
func (s *service) between() bool { return len(s.own) > 0 && (s.given || len(s.usual) > 0) }

// traffic is what was ordered while as many pods as were chosen for it stand. Otherwise it is what those that stand make of it.
func (s *service) traffic() plan.Traffic {
	t, counts := s.record.Traffic.Clone(), s.counts()
	if !s.asChosen(counts) {
		t.Shares = parts(counts)
	}
	return t
}

func (s *service) asChosen(counts map[plan.TrackName]int) bool {
	if len(s.own) == 0 && s.given {
		return s.record.Traffic.Shares[plan.Stable] == plan.Whole
	}
	for track, share := range s.record.Traffic.Shares {
		if share > 0 && counts[track] == 0 {
			return false // it has nobody, so that others serve its users
		}
	}
	return maps.Equal(counts, s.record.Chosen)
}

// unacknowledged says what keeps the route, where one is named, from being known to be in force.
func (r *Router) unacknowledged(ctx context.Context, s *service, settings Settings) (string, error) {
	if settings.Route == "" {
		return "", nil
	}
	route := &unstructured.Unstructured{}
	kind := settings.Kind
	if kind == "" {
		kind = httpRoute
	}
	route.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: kind})
	if err := r.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: settings.Route}, route); err != nil {
		return "", cluster.NotFound(err, cluster.RouteNotFound, field("route"), "make it, or name another")
	}
	return attached.Unacknowledged(route)
}
