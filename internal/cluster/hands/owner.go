package hands

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// An Owner is a field manager that owned a field of the spec before serin changed it. Lists of routes are atomic: whoever changes
// one owns all, and the API server takes them from everyone else. They are given back, or the user's next server-side apply
// would meet a conflict with somebody who has long gone.
type Owner struct {
	Manager    string                            `json:"manager"`
	Operation  metav1.ManagedFieldsOperationType `json:"operation"`
	APIVersion string                            `json:"apiVersion"`
	Field      string                            `json:"field"` // "f:rules"
}

func (o Owner) is(e metav1.ManagedFieldsEntry) bool {
	return e.Manager == o.Manager && e.Operation == o.Operation && e.APIVersion == o.APIVersion && e.Subresource == ""
}

// Owners adds those who own any of the fields now, but serin.
func (s *Objects) Owners(ctx context.Context, known []Owner, of *unstructured.Unstructured, fields ...string) ([]Owner, error) {
	entries, err := s.managedFields(ctx, of)
	if err != nil {
		return nil, err
	}
	known = slices.Clone(known)
	for _, e := range entries {
		if e.Subresource != "" || e.Manager == cluster.TrafficManager {
			continue
		}
		written, err := fieldsOf(e)
		if err != nil {
			continue // of a form that nobody here knows: then nothing can be given back to it either
		}
		spec, _ := written["f:spec"].(map[string]any)
		for _, name := range fields {
			o := Owner{e.Manager, e.Operation, e.APIVersion, "f:" + name}
			if spec[o.Field] != nil && !slices.Contains(known, o) {
				known = append(known, o)
			}
		}
	}
	return known, nil
}

// managedFields says who owns what. Caches keep none of it: what was read there is asked for again.
func (s *Objects) managedFields(ctx context.Context, o *unstructured.Unstructured) ([]metav1.ManagedFieldsEntry, error) {
	if entries := o.GetManagedFields(); len(entries) > 0 || o.GetResourceVersion() == "" {
		return entries, nil
	}
	live := Empty(o.GroupVersionKind(), client.ObjectKeyFromObject(o))
	if err := s.a.Live.Get(ctx, client.ObjectKeyFromObject(o), live); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read who owns the fields of %s: %w", Title(o), err)
	}
	return live.GetManagedFields(), nil
}

// GiveBack makes the former owners own their fields again, and serin nothing.
func (s *Objects) GiveBack(ctx context.Context, o *unstructured.Unstructured, to []Owner) error {
	entries, err := s.managedFields(ctx, o)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == cluster.TrafficManager && e.Subresource == ""
	})
	for _, owner := range to {
		at := slices.IndexFunc(entries, owner.is)
		if at < 0 { // the field was all it owned
			now := metav1.Now()
			at = len(entries)
			entries = append(entries, metav1.ManagedFieldsEntry{
				Manager: owner.Manager, Operation: owner.Operation, APIVersion: owner.APIVersion, Time: &now, FieldsType: "FieldsV1",
			})
		}
		fields, err := fieldsOf(entries[at])
		if err != nil {
			return err
		}
		spec, ok := fields["f:spec"].(map[string]any)
		if !ok {
			spec = map[string]any{}
		}
		spec[owner.Field] = map[string]any{}
		fields["f:spec"] = spec
		raw, err := json.Marshal(fields)
		if err != nil {
			return fmt.Errorf("write managed fields of %s: %w", owner.Manager, err)
		}
		entries[at].FieldsV1 = metav1.NewFieldsV1(string(raw))
	}
	o.SetManagedFields(entries)
	return nil
}

func fieldsOf(e metav1.ManagedFieldsEntry) (map[string]any, error) {
	fields := map[string]any{}
	if e.FieldsV1 == nil || len(e.FieldsV1.GetRawBytes()) == 0 {
		return fields, nil
	}
	if err := json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields); err != nil {
		return nil, fmt.Errorf("read managed fields of %s: %w", e.Manager, err)
	}
	return fields, nil
}
