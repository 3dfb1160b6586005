package traefik

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

const (
	group = "traefik.io"
	kind  = "TraefikService"
)

// empty is a TraefikService without anything.
func empty() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1alpha1", Kind: kind})
	return o
}

func title(ts client.Object) string { return kind + " " + idOf(ts).String() }

func idOf(o client.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// get reads a TraefikService: the cache's, or the one last written here while the cache lags behind it.
func (r *Router) get(ctx context.Context, id types.NamespacedName) (*unstructured.Unstructured, error) {
	ts := empty()
	err := r.Get(ctx, id, ts)
	r.mu.Lock()
	last := r.written[id]
	r.mu.Unlock()
	if last == nil || err != nil && !apierrors.IsNotFound(err) {
		return ts, err
	}
	if err != nil { // not there any more, or not there yet
		err = r.Live.Get(ctx, id, ts)
	} else if older(ts, last) {
		return last.DeepCopy(), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.written[id] == last {
		delete(r.written, id)
	}
	return ts, err
}

func older(a, b client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion())
	return err == nil && order < 0
}

// beside reads the TraefikService that a mirror stands before; nil where there is none.
func (r *Router) beside(ctx context.Context, at types.NamespacedName) (*unstructured.Unstructured, error) {
	ts, err := r.get(ctx, besides(at))
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return ts, nil
}

// put makes a TraefikService say the spec and nothing else, and carry the record; one without a record is nobody's business.
func (r *Router) put(ctx context.Context, id types.NamespacedName, label string, spec map[string]any, rec *record) error {
	wanted := empty()
	wanted.SetNamespace(id.Namespace)
	wanted.SetName(id.Name)
	wanted.SetLabels(map[string]string{cluster.TargetLabel: label})
	wanted.Object["spec"] = spec
	if rec != nil {
		note, err := rec.note()
		if err != nil {
			return err
		}
		wanted.SetAnnotations(map[string]string{cluster.TrafficAnnotation: note})
	}
	ts := wanted.DeepCopy() // becomes what is there then
	err := r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(ts), client.FieldOwner(cluster.TrafficManager), client.ForceOwnership)
	if err == nil && !same(ts.Object["spec"], spec) {
		// Fields that somebody else owns stay beside those that are applied, and Traefik goes by them.
		ts.Object["spec"] = wanted.Object["spec"]
		err = r.Update(ctx, ts, client.FieldOwner(cluster.TrafficManager))
	}
	if apierrors.IsInvalid(err) {
		return &cluster.Problem{Reason: cluster.RouteUnfit, Text: err.Error(), Remedy: "change the settings, or the step"}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", title(wanted), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written[id] = ts
	return nil
}

// remove removes a TraefikService of serin's that nothing refers to.
func (r *Router) remove(ctx context.Context, id types.NamespacedName, label string) error {
	ts, err := r.get(ctx, id)
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	if ts.GetLabels()[cluster.TargetLabel] != label {
		return nil
	}
	if err := r.Delete(ctx, ts, client.Preconditions{UID: new(ts.GetUID())}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("remove %s: %w", title(ts), err)
	}
	return nil
}

// holding finds the TraefikService that a target is released by; nil where there is none.
func (r *Router) holding(ctx context.Context, target string) (*unstructured.Unstructured, error) {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return nil, nil // nothing on a cluster is called so
	}
	r.mu.Lock()
	at, known := r.known[target]
	r.mu.Unlock()
	if known {
		ts, err := r.get(ctx, at)
		if err == nil && holds(ts, target) {
			return ts, nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1alpha1", Kind: kind + "List"})
	if err := r.List(ctx, list, client.InNamespace(key.Namespace), client.MatchingLabels{cluster.TargetLabel: key.Label()}); err != nil {
		if meta.IsNoMatchError(err) {
			return nil, nil // there can be none
		}
		return nil, fmt.Errorf("list TraefikServices of namespace %s: %w", key.Namespace, err)
	}
	for i := range list.Items {
		ts, err := r.get(ctx, idOf(&list.Items[i])) // the list may lag behind
		if err == nil && holds(ts, target) {
			r.remember(target, idOf(ts))
			return ts, nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	return nil, nil
}

// holds reports whether the annotation of a TraefikService names the target.
func holds(ts *unstructured.Unstructured, target string) bool {
	rec, err := readRecord(ts)
	return err == nil && rec.Target == target
}
