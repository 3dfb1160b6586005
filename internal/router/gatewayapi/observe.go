package gatewayapi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/attached"
	"serin.dev/serin/internal/plan"
)

// Observe reads what the route says of the target, whoever wrote it, and whether the gateways are known to follow.
func (r *Router) Observe(ctx context.Context, target string) (plan.Route, error) {
	seen, err := r.observe(ctx, target)
	if err != nil {
		return plan.Route{}, fmt.Errorf("observe route of %s: %w", target, err)
	}
	return seen, nil
}

func (r *Router) observe(ctx context.Context, target string) (plan.Route, error) {
	route, err := r.objects.Holding(ctx, target)
	if err != nil {
		return plan.Route{}, err
	}
	if route == nil {
		rec := r.rested(target)
		if rec == nil {
			return plan.Route{}, nil // nobody's, or taken away by hand: the next order begins anew
		}
		if route, err = r.objects.Home(ctx, target); err != nil {
			return plan.Route{}, cluster.NotFound(err, cluster.RouteNotFound, field("route"), "make it, or name another")
		}
		return r.look(target, route, *rec)
	}
	h, err := readHeld(route)
	if err != nil {
		return plan.Route{}, err
	}
	return r.look(target, route, h.Targets[target])
}

// look reads one route.
func (r *Router) look(target string, route *unstructured.Unstructured, rec record) (plan.Route, error) {
	h, err := readHeld(route)
	if err != nil {
		return plan.Route{}, err
	}
	live, err := rulesOf(route)
	if err != nil {
		return plan.Route{}, err
	}
	settings, err := decode(rec.With)
	if err != nil {
		return plan.Route{}, err
	}
	l := loosen(live, h)
	picked, err := pick(l.rules, settings, rec.Services, idOf(route))
	if err != nil {
		return plan.Route{}, err
	}
	seen := plan.Route{Pools: maps.Clone(rec.Pools)}
	var mixed string
	seen.Traffic, mixed = l.traffic(target, rec, picked, route.GetNamespace())
	pending, err := attached.Unacknowledged(route)
	if err != nil {
		return plan.Route{}, err
	}
	since := r.settled(target, route, pending == "")
	if rec.Changed.After(since) {
		since = rec.Changed
	}
	switch lag := time.Duration(*settings.Settle); {
	case pending != "":
		seen.Pending = pending
	case r.Now().Before(since.Add(lag)):
		seen.Pending = fmt.Sprintf("%s: accepted; data planes follow within %s", title(route), lag)
	case mixed != "":
		seen.Pending = fmt.Sprintf("%s: %s", title(route), mixed)
	default:
		seen.Since = rec.Changed.Add(lag) // from the object alone: another process says the same
	}
	return seen, nil
}

// traffic is what the rules say: the order, where all of it stands. Where others have changed rules it is what they say now,
// and what of the order's matches and mirror still stands in any of them; where rules differ, the text says so.
func (l loose) traffic(target string, rec record, picked []int, namespace string) (plan.Traffic, string) {
	var t plan.Traffic
	mixed, whole := "", true
	edits := l.found[target]
	standing := map[int]bool{}
	for _, place := range picked {
		live := l.rules[place]
		i := slices.IndexFunc(edits, func(s sighting) bool { return s.place == place })
		if i >= 0 {
			live = edits[i].live
			whole = whole && edits[i].intact(rec.Edits[i])
			for m, stands := range edits[i].fronts {
				standing[m] = standing[m] || stands
			}
		} else if len(rec.Edits) > 0 {
			whole = false
		}
		shares, ok := live.shares(rec.Services, namespace)
		switch {
		case !ok:
			mixed = fmt.Sprintf("%s sends to others than the target's Services", live.at(place))
		case t.Shares == nil:
			t.Shares = shares
		case !equalShares(shares, t.Shares):
			mixed = fmt.Sprintf("%s splits requests in another way than the other rules", live.at(place))
			if equalShares(t.Shares, rec.Traffic.Shares) {
				t.Shares = shares
			}
		}
		if slices.ContainsFunc(live.maps("filters"), rec.copies) {
			t.Mirror = rec.Traffic.Mirror
		}
	}
	if whole && mixed == "" && equalShares(t.Shares, rec.Traffic.Shares) {
		return rec.Traffic.Clone(), ""
	}
	for i, m := range rec.Traffic.Matches {
		if standing[i] {
			t.Matches = append(t.Matches, m)
		}
	}
	if t.Shares == nil {
		t.Shares = plan.Shares{}
	}
	return t.Clone(), mixed
}
