package gatewayapi

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
)

// An owner is a field manager that owned the rules of a route before serin changed them. Lists of rules are atomic: whoever
// changes one owns all, and the API server takes them from everyone else. They are given back, or the user's next server-side
// apply would meet a conflict with somebody who has long gone.
type owner struct {
	Manager    string                            `json:"manager"`
	Operation  metav1.ManagedFieldsOperationType `json:"operation"`
	APIVersion string                            `json:"apiVersion"`
}

func (o owner) is(e metav1.ManagedFieldsEntry) bool {
	return e.Manager == o.Manager && e.Operation == o.Operation && e.APIVersion == o.APIVersion && e.Subresource == ""
}

// owners adds those who own the rules now, but serin.
func owners(known []owner, route *unstructured.Unstructured) []owner {
	known = slices.Clone(known)
	for _, e := range route.GetManagedFields() {
		o := owner{e.Manager, e.Operation, e.APIVersion}
		if e.Subresource == "" && e.Manager != cluster.TrafficManager && ownsRules(e) && !slices.Contains(known, o) {
			known = append(known, o)
		}
	}
	return known
}

func ownsRules(e metav1.ManagedFieldsEntry) bool {
	fields, err := fieldsOf(e)
	if err != nil {
		return false
	}
	spec, _ := fields["f:spec"].(map[string]any)
	return spec["f:rules"] != nil
}

// giveBack makes the former owners own the rules again, and serin nothing.
func giveBack(route *unstructured.Unstructured, to []owner) error {
	entries := slices.DeleteFunc(route.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == cluster.TrafficManager && e.Subresource == ""
	})
	for _, o := range to {
		at := slices.IndexFunc(entries, o.is)
		if at < 0 { // the rules were all it owned
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
		spec["f:rules"] = map[string]any{}
		fields["f:spec"] = spec
		raw, err := json.Marshal(fields)
		if err != nil {
			return fmt.Errorf("write managed fields of %s: %w", o.Manager, err)
		}
		entries[at].FieldsV1 = metav1.NewFieldsV1(string(raw))
	}
	route.SetManagedFields(entries)
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
