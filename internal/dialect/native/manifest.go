package native

import (
	"encoding/json"

	"serin.dev/serin/api/v1alpha1"
)

// A manifest is a Canary as it stands in a file, also in one that was taken from a cluster.
type manifest struct {
	v1alpha1.TypeMeta `json:",inline"`

	Metadata metadata            `json:"metadata"`
	Spec     v1alpha1.CanarySpec `json:"spec"`
	Status   json.RawMessage     `json:"status"` // serin's own words: passed over
}

// Metadata of an object. What a cluster adds is passed over.
type metadata struct {
	v1alpha1.ObjectMeta `json:",inline"`

	UID               string          `json:"uid"`
	ResourceVersion   string          `json:"resourceVersion"`
	CreationTimestamp json.RawMessage `json:"creationTimestamp"`
	ManagedFields     json.RawMessage `json:"managedFields"`
	OwnerReferences   json.RawMessage `json:"ownerReferences"`
	Finalizers        json.RawMessage `json:"finalizers"`
}
