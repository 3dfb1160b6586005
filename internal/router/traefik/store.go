package traefik

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
)

const (
	group = "traefik.io"
	kind  = "TraefikService"
)

var traefikService = schema.GroupVersionKind{Group: group, Version: "v1alpha1", Kind: kind}

// empty is a TraefikService without anything.
func empty() *unstructured.Unstructured { return hands.Empty(traefikService, types.NamespacedName{}) }

func title(ts client.Object) string { return hands.Title(ts) }

func idOf(o client.Object) types.NamespacedName { return client.ObjectKeyFromObject(o) }

// beside reads the TraefikService that a mirror stands before; nil where there is none.
func (r *Router) beside(ctx context.Context, at types.NamespacedName) (*unstructured.Unstructured, error) {
	ts, err := r.objects.Get(ctx, traefikService, besides(at))
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return ts, nil
}

// put makes a TraefikService say the spec and nothing else, and carry the record; one without a record is nobody's business.
func (r *Router) put(ctx context.Context, id types.NamespacedName, label string, spec map[string]any, rec *record) error {
	wanted := hands.Empty(traefikService, id)
	wanted.SetLabels(map[string]string{cluster.TargetLabel: label})
	wanted.Object["spec"] = spec
	if rec != nil {
		if err := hands.WriteNote(wanted, rec); err != nil {
			return err
		}
	}
	ts := wanted.DeepCopy() // becomes what is there then
	err := r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(ts), client.FieldOwner(cluster.TrafficManager), client.ForceOwnership)
	if err == nil && !same(ts.Object["spec"], spec) {
		// Fields that somebody else owns stay beside those that are applied, and Traefik goes by them.
		ts.Object["spec"] = wanted.Object["spec"]
		err = r.Update(ctx, ts, client.FieldOwner(cluster.TrafficManager))
	}
	if err != nil {
		return hands.Refused(err, wanted)
	}
	r.objects.Wrote(ts)
	return nil
}

// remove removes a TraefikService of serin's that nothing refers to.
func (r *Router) remove(ctx context.Context, id types.NamespacedName, label string) error {
	ts, err := r.objects.Get(ctx, traefikService, id)
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
	return r.objects.Holding(ctx, target, client.MatchingLabels{cluster.TargetLabel: key.Label()})
}

// holds reports whether the annotation of a TraefikService names the target.
func holds(ts *unstructured.Unstructured, target string) bool {
	rec, err := readRecord(ts)
	return err == nil && rec.Target == target
}
