package istio

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
)

// An owner is a field manager that owned the routes of a VirtualService before serin changed them. Lists of routes are atomic: whoever
// changes one owns all, and the API server takes them from everyone else. They are given back, or the user's next server-side
// apply would meet a conflict with somebody who has long gone.
type owner struct {
	Manager    string                            `json:"manager"`
	Operation  metav1.ManagedFieldsOperationType `json:"operation"`
	APIVersion string                            `json:"apiVersion"`
	Field      string                            `json:"field"` // "f:http"
}

func (o owner) is(e metav1.ManagedFieldsEntry) bool {
	return e.Manager == o.Manager && e.Operation == o.Operation && e.APIVersion == o.APIVersion && e.Subresource == ""
}

// owners adds those who own the routes now, but serin.
func owners(known []owner, vs *unstructured.Unstructured) []owner {
	known = slices.Clone(known)
	for _, e := range vs.GetManagedFields() {
		if e.Subresource != "" || e.Manager == cluster.TrafficManager {
			continue
		}
		for _, name := range owned(e) {
			if o := (owner{e.Manager, e.Operation, e.APIVersion, name}); !slices.Contains(known, o) {
				known = append(known, o)
			}
		}
	}
	return known
}

// owned lists the kinds of routes that an entry owns.
func owned(e metav1.ManagedFieldsEntry) []string {
	fields, err := fieldsOf(e)
	if err != nil {
		return nil
	}
	spec, _ := fields["f:spec"].(map[string]any)
	var names []string
	for _, name := range []string{"f:" + http, "f:" + tls, "f:" + tcp} {
		if spec[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// giveBack makes the former owners own the routes again, and serin nothing.
func giveBack(vs *unstructured.Unstructured, to []owner) error {
	entries := slices.DeleteFunc(vs.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == cluster.TrafficManager && e.Subresource == ""
	})
	for _, o := range to {
		at := slices.IndexFunc(entries, o.is)
		if at < 0 { // the routes were all it owned
			now := metav1.Now()
			at = len(entries)
			entries = append(entries, metav1.ManagedFieldsEntry{
				Manager: o.Manager, Operation: o.Operation, APIVersion: o.APIVersion, Time: &now, FieldsType: "FieldsV1",
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
		spec[o.Field] = map[string]any{}
		fields["f:spec"] = spec
		raw, err := json.Marshal(fields)
		if err != nil {
			return fmt.Errorf("write managed fields of %s: %w", o.Manager, err)
		}
		entries[at].FieldsV1 = metav1.NewFieldsV1(string(raw))
	}
	vs.SetManagedFields(entries)
	return nil
}

func fieldsOf(e metav1.ManagedFieldsEntry) (map[string]any, error) {
	fields := map[string]any{}
	if e.FieldsV1 == nil || e.FieldsV1.GetRawString() == "" {
		return fields, nil
	}
	if err := json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields); err != nil {
		return nil, fmt.Errorf("read managed fields of %s: %w", e.Manager, err)
	}
	return fields, nil
}
