package held

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// lastApplied is where `kubectl apply` keeps what it has written.
const lastApplied = corev1.LastAppliedConfigAnnotation

// Put makes the workload's template the given one, in the name of who wrote the present one. One that has changed since the
// object was read is left alone, with an error to try again. w.Object becomes what is there now.
func Put(ctx context.Context, a *cluster.Access, w Workload, template corev1.PodTemplateSpec) error {
	seen, err := ReadForm(w.Key(), w.Template())
	if err == nil {
		err = retry.RetryOnConflict(retry.DefaultBackoff, func() error { // Kubernetes writes its status all the time
			return put(ctx, a, w, template, seen)
		})
	}
	if err != nil {
		return fmt.Errorf("put another template into %s: %w", w.Origin(), err)
	}
	return nil
}

func put(ctx context.Context, a *cluster.Access, w Workload, template corev1.PodTemplateSpec, seen Form) error {
	want, err := ReadForm(w.Key(), template)
	if err != nil {
		return err
	}
	if err := a.Live.Get(ctx, client.ObjectKeyFromObject(w.Object), w.Object); err != nil { // caches keep no authors
		return err
	}
	if now, err := ReadForm(w.Key(), w.Template()); err != nil || now.ID != seen.ID {
		return errors.Join(err, errors.New("its template has changed in between"))
	}
	applier, writer := authors(w.Object)
	if applier != "" {
		if err := applyAs(ctx, a, w, applier, template); err != nil {
			return err
		}
		if now, err := ReadForm(w.Key(), w.Template()); err != nil || now.ID == want.ID {
			return err
		}
	}
	patch, err := replacing(w.Object, template)
	if err != nil {
		return err
	}
	return a.Client.Patch(ctx, w.Object, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(writer))
}

// authors are who applied the template server-side, if anybody did, and who wrote it last in any other way.
func authors(o metav1.Object) (applier, writer string) {
	writer = cluster.Manager
	for _, m := range o.GetManagedFields() {
		var fields struct {
			Spec map[string]json.RawMessage `json:"f:spec"`
		}
		if m.FieldsV1 == nil || m.Subresource != "" || json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if _, ok := fields.Spec["f:template"]; !ok || m.Manager == cluster.Manager {
			continue
		}
		if m.Operation == metav1.ManagedFieldsOperationApply {
			applier = m.Manager
		} else {
			writer = m.Manager // entries are in order of time
		}
	}
	return applier, writer
}

// applyAs applies what the manager applied, with another template.
func applyAs(ctx context.Context, a *cluster.Access, w Workload, manager string, template corev1.PodTemplateSpec) error {
	owned, err := w.Owned(manager)
	if err != nil {
		return fmt.Errorf("read what %s applied: %w", manager, err)
	}
	data, err := json.Marshal(owned)
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(data, &u.Object); err != nil {
		return err
	}
	content, err := plainTemplate(template)
	if err != nil {
		return err
	}
	if err := unstructured.SetNestedMap(u.Object, content, "spec", "template"); err != nil {
		return err
	}
	u.SetAPIVersion("apps/v1")
	u.SetKind(w.Kind)
	u.SetResourceVersion(w.Object.GetResourceVersion())
	if err := a.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner(manager), client.ForceOwnership); err != nil {
		return err
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, w.Object)
}

// plainTemplate is a template without the nulls that would claim fields nobody has set.
func plainTemplate(t corev1.PodTemplateSpec) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&t)
	if err != nil {
		return nil, err
	}
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	return content, nil
}

// replacing is the JSON patch that replaces the template as a whole, and what `kubectl apply` believes to have written.
func replacing(o metav1.Object, template corev1.PodTemplateSpec) ([]byte, error) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	content, err := plainTemplate(template)
	if err != nil {
		return nil, err
	}
	patch := []operation{
		{"test", "/metadata/resourceVersion", o.GetResourceVersion()},
		{"replace", "/spec/template", content},
	}
	if last, ok := o.GetAnnotations()[lastApplied]; ok {
		var applied map[string]any
		if err := json.Unmarshal([]byte(last), &applied); err != nil {
			return nil, fmt.Errorf("decode annotation %s: %w", lastApplied, err)
		}
		if err := unstructured.SetNestedMap(applied, content, "spec", "template"); err != nil {
			return nil, fmt.Errorf("change annotation %s: %w", lastApplied, err)
		}
		told, err := json.Marshal(applied)
		if err != nil {
			return nil, err
		}
		patch = append(patch, operation{"replace", "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration", string(told) + "\n"})
	}
	return json.Marshal(patch)
}
