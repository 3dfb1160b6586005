package gatewayapi

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// An order is a router.Order for one target, checked and with its settings read.
type order struct {
	router.Order
	target   string
	key      cluster.Key
	settings Settings
	id       routeID
}

// Apply makes the order so, with one write: the rules and what is remembered of them go together. Handing the rules back takes
// a second one, for their ownership.
func (r *Router) Apply(ctx context.Context, target string, given router.Order) error {
	if err := hands.Again(func() error { return r.apply(ctx, target, given) }); err != nil {
		return fmt.Errorf("order route of %s: %w", target, err)
	}
	return nil
}

func (r *Router) apply(ctx context.Context, target string, given router.Order) error {
	o, err := newOrder(target, given)
	if err != nil {
		return err
	}
	former, err := r.objects.Holding(ctx, target)
	if err != nil {
		return err
	}
	route := former
	if former == nil || idOf(former) != o.id {
		route, err = r.route(ctx, o.id)
	}
	if o.settings.Mode == own && apierrors.IsNotFound(err) {
		route, err = o.newRoute(), nil
	}
	if err != nil {
		return cluster.NotFound(err, cluster.RouteNotFound, field("route"), "make it, or name another")
	}
	if err := r.change(ctx, route, o); err != nil {
		return err
	}
	if former != nil && idOf(former) != o.id { // the settings name another route now
		return r.release(ctx, target, former)
	}
	return nil
}

func newOrder(target string, given router.Order) (order, error) {
	o := order{Order: given, target: target}
	var err error
	if o.settings, err = decode(given.With); err != nil {
		return o, err
	}
	if o.key, err = cluster.ParseKey(target); err != nil {
		return o, err
	}
	o.id = routeID{o.settings.Kind, o.key.Namespace, o.key.Name}
	switch {
	case o.settings.Mode == own:
		o.id.name = o.key.Beside("serin")
	case o.settings.Route != "":
		o.id.name = o.settings.Route
	}
	o.Services = maps.Clone(given.Services)
	if o.Services == nil {
		o.Services = services{}
	}
	if o.settings.Service != "" {
		o.Services[plan.Stable] = o.settings.Service
	}
	return o, o.check()
}

// check refuses what no route can do.
func (o order) check() error {
	t := o.Traffic
	if err := t.Check(); err != nil {
		return unfit("%v", err)
	}
	for _, m := range t.Matches {
		if _, err := newClaim(m, o.settings.Kind); err != nil {
			return err
		}
	}
	if t.Sticky != nil {
		return unfit("routes cannot keep users on their track")
	}
	for _, track := range t.Tracks() {
		if o.Services[track] == "" {
			return &cluster.Problem{
				Reason: cluster.TargetUnfit, Text: fmt.Sprintf("no Service reaches the track %s of %s, and a route goes by Services", track, o.target),
				Remedy: "give the target a Service, or name one with `service`",
			}
		}
	}
	return nil
}

// change brings a route that was read to the order.
func (r *Router) change(ctx context.Context, route *unstructured.Unstructured, o order) error {
	if err := hands.Taken(route, field("route")); err != nil {
		return err
	}
	h, err := readHeld(route)
	if err != nil {
		return err
	}
	live, err := rulesOf(route)
	if err != nil {
		return err
	}
	asRead := route.DeepCopy()
	l, before := loosen(live, h), h.Targets[o.target]
	if o.settings.Mode == own {
		if l.rules, err = r.dress(ctx, o, route, l.rules); err != nil {
			return err
		}
	}
	tracks := services{}
	maps.Copy(tracks, before.Services)
	maps.Copy(tracks, o.Services)
	picked, err := pick(l.rules, o.settings, tracks, o.id)
	if err != nil {
		return err
	}
	delete(h.Targets, o.target)
	places := l.places(h)
	if err := apart(places, picked, l.rules, o.id); err != nil {
		return err
	}
	if m := o.Traffic.Mirror; m != nil && !reflect.DeepEqual(before.Traffic.Mirror, m) {
		if err := mirrors(ctx, r.Live, route, *m); err != nil {
			return err
		}
	}
	next, err := newRecord(o.Order, o.settings, tracks, before.Changed)
	if err != nil {
		return err
	}
	if o.needsNothing(l.rules, picked, tracks) {
		if rec := r.rested(o.target); rec != nil {
			next.Changed = rec.Changed
		}
		touched, err := r.put(ctx, asRead, route, l.rules, h, places)
		if touched {
			next.Changed = r.Now()
		}
		if err == nil {
			r.remember(o.target, route, &next)
		}
		return err
	}
	h.Targets[o.target], places[o.target] = next, picked
	_, err = r.put(ctx, asRead, route, l.rules, h, places)
	if err == nil {
		r.remember(o.target, route, nil)
	}
	return err
}

// needsNothing reports whether the user's own rules do what is ordered.
func (o order) needsNothing(rules []rule, picked []int, tracks services) bool {
	return plain(o.Traffic) && !slices.ContainsFunc(picked, func(i int) bool {
		shares, ok := rules[i].shares(tracks, o.id.namespace)
		return !ok || !equalShares(shares, o.Traffic.Shares)
	})
}

// apart refuses rules that another target has its hands on.
func apart(places map[string][]int, picked []int, rules []rule, id routeID) error {
	for other, list := range places {
		for _, place := range list {
			if slices.Contains(picked, place) {
				return &cluster.Problem{
					Reason: cluster.RouteTaken, Field: field("rules"),
					Text:   fmt.Sprintf("%s of %s is released for %s", rules[place].at(place), id, other),
					Remedy: "wait until that is over, or name other rules",
				}
			}
		}
	}
	return nil
}

// put writes the user's rules with the edits of all targets, if that changes anything, and reports whether the rules changed.
func (r *Router) put(ctx context.Context, asRead, route *unstructured.Unstructured, user []rule, h held, places map[string][]int) (bool, error) {
	wanted, err := tighten(user, h, places, idOf(route))
	if err != nil {
		return false, err
	}
	live, err := rulesOf(asRead)
	if err != nil {
		return false, err
	}
	touched := !sameRules(live, wanted)
	if touched {
		if h.Owners, err = r.objects.Owners(ctx, h.Owners, asRead, "rules"); err != nil {
			return false, err
		}
		if err := setRules(route, wanted); err != nil {
			return false, fmt.Errorf("set rules of %s: %w", title(route), err)
		}
		for target, rec := range h.Targets {
			rec.Changed = r.Now()
			h.Targets[target] = rec
		}
	}
	_, annotated := asRead.GetAnnotations()[cluster.TrafficAnnotation]
	h.Returning = annotated && len(h.Targets) == 0
	if err := h.Write(route); err != nil {
		return false, err
	}
	if !reflect.DeepEqual(asRead.Object, route.Object) {
		if err := r.objects.Store(ctx, route); err != nil {
			return false, err
		}
	}
	if h.Returning {
		err = r.handBack(ctx, route, h)
	}
	return touched, err
}

// handBack gives the ownership of the rules back, and takes the annotation away with it.
func (r *Router) handBack(ctx context.Context, route *unstructured.Unstructured, h held) error {
	if err := r.objects.GiveBack(ctx, route, h.Owners); err != nil {
		return err
	}
	h.Returning = false
	if err := h.Write(route); err != nil {
		return err
	}
	return r.objects.Store(ctx, route)
}

// sameRules compares rules as the API server keeps them.
func sameRules(a, b []rule) bool {
	return slices.EqualFunc(a, b, func(a, b rule) bool {
		if a.name() != b.name() && !(a.name() == "" && strings.HasPrefix(b.name(), mine)) {
			return false
		}
		return a.digest() == b.digest()
	})
}
