package gatewayapi

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
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

func title(o client.Object) string { return hands.Title(o) }

func kindOf(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind}
}

// empty is an object of a kind of Gateway API.
func empty(kind string) *unstructured.Unstructured {
	return hands.Empty(kindOf(kind), types.NamespacedName{})
}

// at is the object's kind and name.
func (id routeID) at() (schema.GroupVersionKind, types.NamespacedName) {
	return kindOf(id.kind), types.NamespacedName{Namespace: id.namespace, Name: id.name}
}

// route reads a route, no older than it was written here.
func (r *Router) route(ctx context.Context, id routeID) (*unstructured.Unstructured, error) {
	kind, name := id.at()
	return r.objects.Get(ctx, kind, name)
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
