package istio

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
	at       types.NamespacedName // its VirtualService
}

// Apply makes the order so, with one write: the routes and what is remembered of them go together. Handing the routes back takes
// a second one, for their ownership.
func (r *Router) Apply(ctx context.Context, target string, given router.Order) error {
	if err := hands.Again(func() error { return r.apply(ctx, target, given) }); err != nil {
		return fmt.Errorf("order VirtualService of %s: %w", target, err)
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
	vs := former
	if former == nil || idOf(former) != o.at {
		vs, err = r.objects.Get(ctx, virtualService, o.at)
	}
	if o.settings.Mode == own && apierrors.IsNotFound(err) {
		vs, err = o.newVirtualService(), nil
	}
	if err != nil {
		return cluster.NotFound(err, cluster.RouteNotFound, field("virtualService"), "make it, or name another")
	}
	if known, err := r.rule(ctx, o, vs, r.settled(o, vs)); err != nil || !known {
		return err // the routes come when proxies know the subsets: the loop orders again in every round
	}
	if err := r.change(ctx, vs, o); err != nil {
		return err
	}
	if former != nil && idOf(former) != o.at { // the settings name another one now
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
	o.at = o.key.Object()
	switch {
	case o.settings.Mode == own:
		o.at.Name = o.key.Beside("serin")
	case o.settings.VirtualService != "":
		o.at.Name = o.settings.VirtualService
	}
	o.Services = maps.Clone(given.Services)
	if o.Services == nil {
		o.Services = map[plan.TrackName]string{}
	}
	if o.settings.Service != "" {
		o.Services[plan.Stable] = o.settings.Service
	}
	return o, o.check()
}

// check refuses what no VirtualService can do.
func (o order) check() error {
	t := o.Traffic
	if err := t.Check(); err != nil {
		return unfit("%v", err)
	}
	for _, m := range t.Matches {
		if _, err := newClaim(m); err != nil {
			return err
		}
	}
	if o.settings.Protocol != http && (t.Mirror != nil || len(t.Matches) > 0) {
		return unfit("routes of %s have weights alone, neither matches nor mirrors", o.settings.Protocol)
	}
	if t.Sticky != nil {
		return unfit("Istio cannot keep users on their track")
	}
	for _, track := range t.Tracks() {
		if err := o.reaches(track); err != nil {
			return err
		}
	}
	return nil
}

// reaches refuses a track that has no name in the mesh.
func (o order) reaches(track plan.TrackName) error {
	if d := o.settings.DestinationRule; d != nil {
		if d.Subsets[track] == "" {
			return &cluster.Problem{
				Reason: cluster.RouteUnfit, Field: field("destinationRule.subsets"),
				Text: fmt.Sprintf("no subset stands for the track %s", track), Remedy: "name one",
			}
		}
		track = plan.Stable // all subsets are of its Service
	}
	if o.Services[track] != "" {
		return nil
	}
	return &cluster.Problem{
		Reason: cluster.TargetUnfit, Text: fmt.Sprintf("no Service reaches the track %s of %s, and routes go by Services", track, o.target),
		Remedy: "give the target a Service, or name one with `service`",
	}
}

// change brings a VirtualService that was read to the order.
func (r *Router) change(ctx context.Context, vs *unstructured.Unstructured, o order) error {
	if err := hands.Taken(vs, field("virtualService")); err != nil {
		return err
	}
	asRead := vs.DeepCopy()
	a, err := o.arrange(vs)
	if err != nil {
		return err
	}
	if err := r.peopled(ctx, o, a.before); err != nil {
		return err
	}
	if a.first {
		if err := r.subsets(ctx, o); err != nil {
			return err
		}
	}
	touched, err := r.put(ctx, asRead, vs, a)
	if err != nil {
		return err
	}
	r.objects.Remember(o.target, vs, a.rests)
	if !a.rests {
		r.rest(o.target, nil)
		return nil
	}
	if known := r.rested(o.target); known != nil {
		a.record.Changed = known.Changed
	}
	if touched {
		a.record.Changed = r.Now()
	}
	r.rest(o.target, &a.record)
	return nil
}

// An arrangement is how a VirtualService shall be: the user's routes, and whose hands are on them.
type arrangement struct {
	user    section
	held    held
	ordered string // the target whose order it is; empty where none is held
	record  record
	before  plan.Traffic // of the target
	rests   bool         // the user's own routes do what is ordered
	first   bool         // the target had no hands on it before
}

// arrange works out what an order makes of a VirtualService. One of serin's own gets its hosts and gateways at once.
func (o order) arrange(vs *unstructured.Unstructured) (arrangement, error) {
	h, err := readHeld(vs)
	if err != nil {
		return arrangement{}, err
	}
	live, err := sections(vs)
	if err != nil {
		return arrangement{}, err
	}
	a := arrangement{user: loosen(live, h).user, held: h}
	if o.settings.Mode == own {
		if a.user, err = o.dress(vs); err != nil {
			return a, err
		}
	}
	before, known := h.Targets[o.target]
	a.first, a.before = !known, before.Traffic
	tracks := map[plan.TrackName]string{}
	maps.Copy(tracks, before.Services) // a track that leaves may still have its destination
	maps.Copy(tracks, o.Services)
	if a.record, err = newRecord(o, tracks, before); err != nil {
		return a, err
	}
	c := newCompass(o.at.Namespace, tracks, o.settings)
	picked, err := c.pick(a.user[o.settings.Protocol], o.settings, title(vs))
	if err != nil {
		return a, err
	}
	if a.rests = c.rests(a.user[o.settings.Protocol], picked, o.Traffic); a.rests {
		delete(h.Targets, o.target)
	} else {
		h.Targets[o.target], a.ordered = a.record, o.target
	}
	return a, nil
}

// rests reports whether the user's own routes do what is ordered.
func (c compass) rests(routes []route, picked []int, t plan.Traffic) bool {
	if t.Shares[plan.Stable] != plan.Whole || len(t.Matches) > 0 || t.Mirror != nil {
		return false
	}
	return !slices.ContainsFunc(picked, func(i int) bool {
		shares, ok := c.shares(routes[i])
		return !ok || shares[plan.Stable] != plan.Whole
	})
}

// put writes the user's routes with the edits of all targets, if that changes anything, and reports whether routes changed.
func (r *Router) put(ctx context.Context, asRead, vs *unstructured.Unstructured, a arrangement) (bool, error) {
	h, touched, err := a.write(asRead, vs, r.Now())
	if err != nil {
		return false, err
	}
	if touched {
		if h.Owners, err = r.objects.Owners(ctx, h.Owners, asRead, http, tls, tcp); err != nil {
			return false, err
		}
	}
	if err := h.Write(vs); err != nil {
		return false, err
	}
	if !reflect.DeepEqual(asRead.Object, vs.Object) {
		if err := r.objects.Store(ctx, vs); err != nil {
			return false, err
		}
	}
	if h.Returning {
		err = r.handBack(ctx, vs, h)
	}
	return touched, err
}

// write sets the routes of a VirtualService, and says what its annotation shall be.
func (a arrangement) write(asRead, vs *unstructured.Unstructured, now time.Time) (held, bool, error) {
	h := a.held.Clone()
	wanted, err := tighten(a.user, h, idOf(vs), a.ordered)
	if err != nil {
		return h, false, err
	}
	live, err := sections(asRead)
	if err != nil {
		return h, false, err
	}
	touched := !same(live, wanted)
	if touched {
		if err := setSections(vs, wanted); err != nil {
			return h, false, err
		}
		for target, rec := range h.Targets {
			rec.Changed = now
			h.Targets[target] = rec
		}
	}
	_, annotated := asRead.GetAnnotations()[cluster.TrafficAnnotation]
	h.Returning = annotated && len(h.Targets) == 0
	return h, touched, nil
}

// handBack gives the ownership of the routes back, and takes the annotation away with it.
func (r *Router) handBack(ctx context.Context, vs *unstructured.Unstructured, h held) error {
	if err := r.objects.GiveBack(ctx, vs, h.Owners); err != nil {
		return err
	}
	h.Returning = false
	if err := h.Write(vs); err != nil {
		return err
	}
	return r.objects.Store(ctx, vs)
}

// newRecord keeps an order, apart from what its owner does with it later.
func newRecord(o order, tracks map[plan.TrackName]string, before record) (record, error) {
	with, err := encode(o.settings)
	return record{
		Traffic: o.Traffic.Clone(), Pools: maps.Clone(o.Pools), Services: tracks, With: with, Changed: before.Changed,
	}, err
}

// subsets refuses a DestinationRule without the subsets of the tracks: requests for one that is not there are lost.
func (r *Router) subsets(ctx context.Context, o order) error {
	d := o.settings.DestinationRule
	if d == nil || d.Name == "" {
		return nil
	}
	rule := hands.Empty(destinationRule, types.NamespacedName{Namespace: o.at.Namespace, Name: d.Name})
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(rule), rule); err != nil {
		return cluster.NotFound(err, cluster.RouteNotFound, field("destinationRule.name"), "make it, or name another")
	}
	list, _, err := unstructured.NestedSlice(rule.Object, "spec", "subsets")
	if err != nil {
		return fmt.Errorf("read subsets of DestinationRule %s: %w", d.Name, err)
	}
	for track, name := range d.Subsets {
		if !slices.ContainsFunc(list, func(item any) bool {
			subset, _ := item.(map[string]any)
			return subset["name"] == name
		}) {
			return &cluster.Problem{
				Reason: cluster.RouteUnfit, Field: field("destinationRule.subsets." + string(track)),
				Text: fmt.Sprintf("DestinationRule %s has no subset %s", d.Name, name), Remedy: "add it, or name another",
			}
		}
	}
	return nil
}
