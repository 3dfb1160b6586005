package istio

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
)

// changedAnnotation is on a DestinationRule of serin's own: when proxies were last told something new by it.
const changedAnnotation = cluster.TrafficAnnotation

// rule brings serin's own DestinationRule to the order, before its VirtualService vs, and reports whether proxies know all subsets by
// now: requests for one that a proxy does not know are lost. A subset that the VirtualService named a moment ago stays.
func (r *Router) rule(ctx context.Context, o order, vs *unstructured.Unstructured, settled bool) (known bool, err error) {
	if o.settings.Mode != own {
		return true, nil
	}
	dr, err := r.objects.Get(ctx, destinationRule, o.at)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("read DestinationRule %s: %w", o.at, err)
	}
	there := err == nil
	if there && dr.GetLabels()[cluster.TargetLabel] != o.key.Label() {
		if o.settings.DestinationRule == nil {
			return true, nil // somebody else's, and nobody asks for it
		}
		return false, &cluster.Problem{
			Reason: cluster.RouteTaken, Field: field("destinationRule"), Text: fmt.Sprintf("%s is there and not serin's", hands.Title(dr)),
			Remedy: "rename it",
		}
	}
	host, wanted := o.Services[plan.Stable], o.subsets()
	if there {
		named, err := subsetsOf(vs, host)
		if err != nil {
			return false, err
		}
		wanted = append(wanted, still(dr, wanted, named, settled)...)
	}
	switch {
	case len(wanted) == 0 && there:
		return true, r.end(ctx, dr)
	case len(wanted) == 0:
		return true, nil
	}
	spec := map[string]any{"host": host, "subsets": wanted}
	if !there {
		dr = hands.Empty(destinationRule, o.at)
		dr.SetLabels(map[string]string{cluster.TargetLabel: o.key.Label()})
	}
	if !same(dr.Object["spec"], spec) {
		if !there || news(dr, host, wanted) {
			dr.SetAnnotations(map[string]string{changedAnnotation: r.Now().UTC().Format(time.RFC3339Nano)})
		}
		dr.Object["spec"] = spec
		if err := r.objects.Store(ctx, dr); err != nil {
			return false, err
		}
	}
	return o.settings.DestinationRule == nil || r.lag(dr, o.settings) == "", nil
}

// news reports whether any of the subsets is not there yet as it is wanted. That one goes is none: nobody is sent there any more.
func news(dr *unstructured.Unstructured, host string, wanted []any) bool {
	list, _, _ := unstructured.NestedSlice(dr.Object, "spec", "subsets")
	if was, _, _ := unstructured.NestedString(dr.Object, "spec", "host"); was != host {
		return true
	}
	return slices.ContainsFunc(wanted, func(one any) bool {
		return !slices.ContainsFunc(list, func(other any) bool { return same(one, other) })
	})
}

// settled reports whether proxies have followed the VirtualService as it is.
func (r *Router) settled(o order, vs *unstructured.Unstructured) bool {
	var changed time.Time
	if h, err := readHeld(vs); err == nil {
		changed = h.Targets[o.target].Changed
	}
	if rec := r.rested(o.target); rec != nil {
		changed = rec.Changed
	}
	return !r.Now().Before(changed.Add(time.Duration(*o.settings.Settle)))
}

// end removes a DestinationRule of serin's that nobody needs.
func (r *Router) end(ctx context.Context, dr *unstructured.Unstructured) error {
	if err := r.Delete(ctx, dr, client.Preconditions{UID: new(dr.GetUID())}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove %s: %w", hands.Title(dr), err)
	}
	return nil
}

// lag says for how long proxies may not know the subsets yet; nothing where they do.
func (r *Router) lag(dr *unstructured.Unstructured, s Settings) string {
	settle := time.Duration(*s.Settle)
	changed, err := time.Parse(time.RFC3339Nano, dr.GetAnnotations()[changedAnnotation])
	if err != nil || !r.Now().Before(changed.Add(settle)) {
		return "" // whoever took the annotation away did so after it was written
	}
	return fmt.Sprintf("%s: written; proxies know its subsets within %s", hands.Title(dr), settle)
}

// subsets are those of the tracks, in order.
func (o order) subsets() []any {
	var all []any
	if d := o.settings.DestinationRule; d != nil {
		for _, track := range slices.Sorted(maps.Keys(d.Subsets)) {
			marks := map[string]any{}
			for name, value := range d.Labels[track] {
				marks[name] = value
			}
			all = append(all, map[string]any{"name": d.Subsets[track], "labels": marks})
		}
	}
	return all
}

// still are the subsets of a DestinationRule that are not wanted any more and have to stay: requests may be sent to them.
func still(dr *unstructured.Unstructured, wanted []any, named []string, settled bool) []any {
	list, _, _ := unstructured.NestedSlice(dr.Object, "spec", "subsets")
	var all []any
	for _, item := range list {
		subset, _ := item.(map[string]any)
		name, _ := subset["name"].(string)
		again := slices.ContainsFunc(wanted, func(w any) bool { return w.(map[string]any)["name"] == name })
		if !again && (!settled || slices.Contains(named, name)) {
			all = append(all, item)
		}
	}
	return all
}

// subsetsOf are the subsets of a host that the routes of a VirtualService name.
func subsetsOf(vs *unstructured.Unstructured, host string) ([]string, error) {
	all, err := sections(vs)
	if err != nil {
		return nil, err
	}
	c, names := compass{namespace: vs.GetNamespace()}, []string{}
	note := func(d any) {
		to, _ := d.(map[string]any)
		named, _ := to["host"].(string)
		if subset, _ := to["subset"].(string); subset != "" && c.names(named, host) {
			names = append(names, subset)
		}
	}
	for _, routes := range all {
		for _, r := range routes {
			for _, d := range r.destinations() {
				note(d["destination"])
			}
			note(r["mirror"])
			if list, ok := r["mirrors"].([]any); ok {
				for _, item := range list {
					m, _ := item.(map[string]any)
					note(m["destination"])
				}
			}
		}
	}
	return names, nil
}

// peopled refuses to send requests to a subset of serin's own that has no pod: proxies answer them with 503.
func (r *Router) peopled(ctx context.Context, o order, before plan.Traffic) error {
	d := o.settings.DestinationRule
	if o.settings.Mode != own || d == nil {
		return nil
	}
	had := reached(before)
	var service corev1.Service
	for _, track := range reached(o.Traffic) {
		if slices.Contains(had, track) {
			continue
		}
		name := types.NamespacedName{Namespace: o.at.Namespace, Name: o.Services[plan.Stable]}
		if err := r.Live.Get(ctx, name, &service); err != nil {
			return cluster.NotFound(err, cluster.TargetUnfit, field("service"), "make it, or name another")
		}
		want := labels.Merge(service.Spec.Selector, d.Labels[track])
		var pods corev1.PodList
		if err := r.Live.List(ctx, &pods, client.InNamespace(name.Namespace), client.MatchingLabels(want), client.Limit(1)); err != nil {
			return fmt.Errorf("list pods of subset %s: %w", d.Subsets[track], err)
		}
		if len(pods.Items) == 0 || len(service.Spec.Selector) == 0 {
			return &cluster.Problem{
				Reason: cluster.TargetUnfit, Field: field("destinationRule.labels." + string(track)),
				Text:   fmt.Sprintf("no pod of Service %s has the labels %s, so requests for the subset %s would be lost", name, labels.Set(d.Labels[track]), d.Subsets[track]),
				Remedy: "let the Service select the pods of both tracks, and name labels that tell them apart; or go by two Services",
			}
		}
	}
	return nil
}

// reached are the tracks that get requests or copies.
func reached(t plan.Traffic) []plan.TrackName {
	all := t.Shares.Tracks()
	for _, m := range t.Matches {
		all = append(all, m.Track)
	}
	if t.Mirror != nil {
		all = append(all, t.Mirror.Track)
	}
	return all
}

// unready says that proxies may not know serin's own subsets yet; nothing where they do, or where there are none.
func (r *Router) unready(ctx context.Context, vs *unstructured.Unstructured, s Settings) (string, error) {
	if s.Mode != own || s.DestinationRule == nil {
		return "", nil
	}
	dr, err := r.objects.Get(ctx, destinationRule, idOf(vs))
	if apierrors.IsNotFound(err) {
		return fmt.Sprintf("DestinationRule %s is gone, and its subsets with it", idOf(vs)), nil
	}
	if err != nil {
		return "", fmt.Errorf("read DestinationRule %s: %w", idOf(vs), err)
	}
	return r.lag(dr, s), nil
}
