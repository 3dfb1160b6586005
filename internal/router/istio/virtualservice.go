package istio

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

const group = "networking.istio.io"

// empty is an object of one of Istio's kinds. Nothing of what users write may get lost on the way, so there are no types.
func empty(kind string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind})
	return o
}

func title(vs client.Object) string { return "VirtualService " + idOf(vs).String() }

func idOf(o client.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// get reads a VirtualService: the cache's, or the one last written here while the cache lags behind it.
func (r *Router) get(ctx context.Context, id types.NamespacedName) (*unstructured.Unstructured, error) {
	vs := empty("VirtualService")
	err := r.Get(ctx, id, vs)
	r.mu.Lock()
	last := r.written[id]
	r.mu.Unlock()
	if last == nil || err != nil && !apierrors.IsNotFound(err) {
		return vs, err
	}
	if err != nil { // not there any more, or not there yet
		err = r.Live.Get(ctx, id, vs)
	} else if older(vs, last) {
		return last.DeepCopy(), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.written[id] == last {
		delete(r.written, id)
	}
	return vs, err
}

func older(a, b client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion())
	return err == nil && order < 0
}

// store writes a VirtualService that was read, or a new one.
func (r *Router) store(ctx context.Context, vs *unstructured.Unstructured) error {
	write := func() error { return r.Update(ctx, vs, client.FieldOwner(cluster.TrafficManager)) }
	if vs.GetResourceVersion() == "" {
		write = func() error { return r.Create(ctx, vs, client.FieldOwner(cluster.TrafficManager)) }
	}
	err := write()
	if apierrors.IsInvalid(err) {
		return &cluster.Problem{Reason: cluster.RouteUnfit, Text: err.Error(), Remedy: "change the route, or the step"}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", title(vs), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written[idOf(vs)] = vs.DeepCopy()
	return nil
}

// holding finds the VirtualService that a target has its hands on; nil where there is none.
func (r *Router) holding(ctx context.Context, target string) (*unstructured.Unstructured, error) {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return nil, nil // nothing on a cluster is called so
	}
	if m, ok := r.memory(target); ok {
		vs, err := r.get(ctx, m.at)
		if err == nil && holds(vs, target) {
			return vs, nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: "VirtualServiceList"})
	if err := r.List(ctx, list, client.InNamespace(key.Namespace)); err != nil {
		if meta.IsNoMatchError(err) {
			return nil, nil // there can be none
		}
		return nil, fmt.Errorf("list VirtualServices of namespace %s: %w", key.Namespace, err)
	}
	for i := range list.Items {
		vs, err := r.get(ctx, idOf(&list.Items[i])) // the list may lag behind
		if err == nil && holds(vs, target) {
			r.remember(target, memory{at: idOf(vs)})
			return vs, nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	return nil, nil
}

// holds reports whether the annotation of a VirtualService names the target.
func holds(vs *unstructured.Unstructured, target string) bool {
	if !strings.Contains(vs.GetAnnotations()[cluster.TrafficAnnotation], target) {
		return false
	}
	h, err := readHeld(vs)
	_, ok := h.Targets[target]
	return ok && err == nil
}

// taken refuses a VirtualService that another tool writes as well.
func taken(vs *unstructured.Unstructured) error {
	by := ""
	for _, o := range vs.GetOwnerReferences() {
		if strings.HasPrefix(o.APIVersion, "flagger.app/") || strings.HasPrefix(o.APIVersion, "argoproj.io/") {
			by = o.Kind + " " + o.Name + " (" + o.APIVersion + ")"
		}
	}
	for _, marks := range []map[string]string{vs.GetLabels(), vs.GetAnnotations()} {
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
		Reason: cluster.RouteTaken, Field: field("virtualService"),
		Text:   fmt.Sprintf("%s is written by %s as well", title(vs), by),
		Remedy: "let one of them go: two writers of the same weights undo each other",
	}
}

func field(name string) string { return "spec.traffic.istio." + name }
