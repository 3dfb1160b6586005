package gatewayapi

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

const group = "gateway.networking.k8s.io"

// A routeID names a route.
type routeID struct{ kind, namespace, name string }

func (id routeID) String() string {
	return fmt.Sprintf("%s %s/%s", id.kind, id.namespace, id.name)
}

func idOf(route client.Object) routeID {
	return routeID{route.GetObjectKind().GroupVersionKind().Kind, route.GetNamespace(), route.GetName()}
}

func title(o client.Object) string { return idOf(o).String() }

// empty is an object of a kind of Gateway API. Nothing of what users write may get lost on the way, so there are no types.
func empty(kind string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind})
	return o
}

// route reads a route: the cache's, or the one last written here while the cache lags behind it.
func (r *Router) route(ctx context.Context, id routeID) (*unstructured.Unstructured, error) {
	name := types.NamespacedName{Namespace: id.namespace, Name: id.name}
	route := empty(id.kind)
	err := r.Get(ctx, name, route)
	r.mu.Lock()
	last := r.written[id]
	r.mu.Unlock()
	if last == nil || err != nil && !apierrors.IsNotFound(err) {
		return route, err
	}
	if err != nil { // not there any more, or not there yet
		err = r.Live.Get(ctx, name, route)
	} else if revision(route) < revision(last) {
		return last.DeepCopy(), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.written[id] == last {
		delete(r.written, id)
	}
	return route, err
}

// revision is a resourceVersion, which grows with every write.
func revision(o client.Object) uint64 {
	n, err := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// store writes a route that was read, or a new one.
func (r *Router) store(ctx context.Context, route *unstructured.Unstructured) error {
	write := func() error { return r.Update(ctx, route, client.FieldOwner(cluster.TrafficManager)) }
	if route.GetResourceVersion() == "" {
		write = func() error { return r.Create(ctx, route, client.FieldOwner(cluster.TrafficManager)) }
	}
	err := write()
	if apierrors.IsInvalid(err) {
		return &cluster.Problem{Reason: cluster.RouteUnfit, Text: err.Error(), Remedy: "change the rule, or the step"}
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		r.catchUp(ctx, idOf(route))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", title(route), err)
	}
	r.wrote(route)
	return nil
}

// catchUp reads past the cache what others have written, so that the next try is not made on the same old route.
func (r *Router) catchUp(ctx context.Context, id routeID) {
	route := empty(id.kind)
	if err := r.Live.Get(ctx, types.NamespacedName{Namespace: id.namespace, Name: id.name}, route); err == nil {
		r.wrote(route)
	}
}

// wrote keeps a route until the cache has it.
func (r *Router) wrote(route *unstructured.Unstructured) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written[idOf(route)] = route.DeepCopy()
}

// again tries what reads and writes a route once more when somebody else has written it in between: gateways report on routes
// just when these have changed.
func again(try func() error) error {
	const tries = 4
	err := try()
	for n := 1; n < tries && (apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)); n++ {
		err = try()
	}
	return err
}

// holding finds the route that a target has its hands on; nil where there is none.
func (r *Router) holding(ctx context.Context, target string) (*unstructured.Unstructured, error) {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return nil, nil // nothing on a cluster is called so
	}
	if m, ok := r.memory(target); ok {
		route, err := r.route(ctx, m.route)
		if err == nil && holds(route, target) {
			return route, nil
		}
		if m.resting != nil || client.IgnoreNotFound(err) != nil {
			return nil, client.IgnoreNotFound(err)
		}
	}
	for _, kind := range []string{httpRoute, grpcRoute} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind + "List"})
		if err := r.List(ctx, list, client.InNamespace(key.Namespace)); err != nil {
			if meta.IsNoMatchError(err) {
				continue // there can be none
			}
			return nil, fmt.Errorf("list routes of namespace %s: %w", key.Namespace, err)
		}
		for _, listed := range list.Items {
			route, err := r.route(ctx, idOf(&listed)) // the list may lag behind
			if err == nil && holds(route, target) {
				r.remember(target, idOf(route), nil)
				return route, nil
			}
			if client.IgnoreNotFound(err) != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// holds reports whether the annotation of a route names the target.
func holds(route *unstructured.Unstructured, target string) bool {
	if !strings.Contains(route.GetAnnotations()[cluster.TrafficAnnotation], target) {
		return false
	}
	h, err := readHeld(route)
	_, ok := h.Targets[target]
	return ok && err == nil
}

// rulesOf reads the rules of a route.
func rulesOf(route *unstructured.Unstructured) ([]rule, error) {
	list, _, err := unstructured.NestedSlice(route.Object, "spec", "rules")
	if err != nil {
		return nil, fmt.Errorf("read rules of %s: %w", title(route), err)
	}
	all := make([]rule, 0, len(list))
	for i, item := range list {
		r, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("read rule %d of %s: it is no object", i, title(route))
		}
		all = append(all, r)
	}
	return all, nil
}

func setRules(route *unstructured.Unstructured, all []rule) error {
	list := make([]any, len(all))
	for i, r := range all {
		list[i] = map[string]any(r)
	}
	return unstructured.SetNestedSlice(route.Object, list, "spec", "rules")
}

// taken refuses a route that another tool writes as well.
func taken(route *unstructured.Unstructured) error {
	by := ""
	for _, o := range route.GetOwnerReferences() {
		if strings.HasPrefix(o.APIVersion, "flagger.app/") || strings.HasPrefix(o.APIVersion, "argoproj.io/") {
			by = o.Kind + " " + o.Name + " (" + o.APIVersion + ")"
		}
	}
	for _, marks := range []map[string]string{route.GetLabels(), route.GetAnnotations()} {
		for name := range marks {
			if strings.HasPrefix(name, "rollouts.argoproj.io/") || strings.HasPrefix(name, "flagger.app/") {
				by = "the tool that set " + name
			}
		}
	}
	if by == "" {
		return nil
	}
	return &cluster.Problem{
		Reason: cluster.RouteTaken, Field: field("route"),
		Text:   fmt.Sprintf("%s is written by %s as well", title(route), by),
		Remedy: "let one of them go: two writers of the same weights undo each other",
	}
}
