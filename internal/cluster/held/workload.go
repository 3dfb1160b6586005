package held

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// A Workload is an object of the user with a pod template, and how to get at both.
type Workload struct {
	Object   client.Object
	Kind     string
	Template func() corev1.PodTemplateSpec
	// Owned is what a manager has applied of the object: appsac.ExtractStatefulSet and its like.
	Owned func(manager string) (any, error)
}

// Origin is the object, for people: "StatefulSet shop/db".
func (w Workload) Origin() string {
	return w.Kind + " " + client.ObjectKeyFromObject(w.Object).String()
}

// Key is the object as a target.
func (w Workload) Key() cluster.Key {
	return cluster.Key{Kind: w.Kind, Namespace: w.Object.GetNamespace(), Name: w.Object.GetName()}
}

// Held reports whether serin has its hands on the object.
func (w Workload) Held() bool {
	_, ok := w.Object.GetAnnotations()[cluster.HeldAnnotation]
	return ok
}

// Taken is the problem of an object that another Canary holds; nil where none does.
func (w Workload) Taken(owner string) error {
	holder := w.Object.GetAnnotations()[cluster.HeldAnnotation]
	if holder == "" || owner == "" || holder == owner {
		return nil
	}
	return &cluster.Problem{
		Reason: cluster.TargetTaken, Field: "spec.target", Text: fmt.Sprintf("%s is held by Canary %s", w.Origin(), holder),
		Remedy: "delete that one first; if it is long gone, remove the annotation " + cluster.HeldAnnotation,
	}
}

// CopiesAnnotation lists the copies of configuration that serin has made for a workload and may delete again, as JSON.
const CopiesAnnotation = "serin.dev/copies"

// notes are the annotations of serin's on a workload that is held.
var notes = [...]string{cluster.HeldAnnotation, AskedAnnotation, cluster.ConfigAnnotation, CopiesAnnotation}

// Hold makes the given annotations, all of them serin's, and the given fields of the spec those that serin owns of the
// object, and nothing else. so says that the object already has those fields; then nothing is sent that is there.
func (w Workload) Hold(ctx context.Context, a *cluster.Access, annotations map[string]string, spec map[string]any, so bool) error {
	content := map[string]any{}
	for _, note := range notes {
		so = so && w.Object.GetAnnotations()[note] == annotations[note]
		if annotations[note] != "" {
			content[note] = annotations[note]
		}
	}
	if so {
		return nil
	}
	return w.send(ctx, a, map[string]any{"metadata": map[string]any{"annotations": content}, "spec": spec})
}

// Release owns nothing of the object any more.
func (w Workload) Release(ctx context.Context, a *cluster.Access) error {
	return w.send(ctx, a, map[string]any{})
}

// send applies what serin owns of the object, by server-side apply.
func (w Workload) send(ctx context.Context, a *cluster.Access, content map[string]any) error {
	u := &unstructured.Unstructured{Object: content}
	u.SetAPIVersion("apps/v1")
	u.SetKind(w.Kind)
	u.SetNamespace(w.Object.GetNamespace())
	u.SetName(w.Object.GetName())
	u.SetUID(w.Object.GetUID())
	err := a.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(cluster.Manager), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("hold %s: %w", w.Origin(), err)
	}
	w.Object.SetResourceVersion(u.GetResourceVersion())
	w.Object.SetManagedFields(u.GetManagedFields())
	w.Object.SetAnnotations(u.GetAnnotations())
	return nil
}
