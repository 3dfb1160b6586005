package objects

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"serin.dev/serin/api/v1alpha1"
)

// A Canary as the controller holds it: the spec is kept as the user wrote it, field by field, and read by the dialect.
type Canary struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              json.RawMessage       `json:"spec,omitempty"`
	Status            v1alpha1.CanaryStatus `json:"status,omitzero"`
}

// A CanaryList is several of them.
type CanaryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Canary `json:"items"`
}

// Releases and Actions are small words already.
type (
	Release     = v1alpha1.Release
	ReleaseList = v1alpha1.ReleaseList
	Action      = v1alpha1.Action
	ActionList  = v1alpha1.ActionList
)

// AddToScheme makes serin's kinds known to a client, in the form the controller holds them.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(v1alpha1.GroupVersion, &Canary{}, &CanaryList{}, &Release{}, &ReleaseList{}, &Action{}, &ActionList{})
	metav1.AddToGroupVersion(s, v1alpha1.GroupVersion)
	return nil
}

// DeepCopyInto copies the Canary.
func (c *Canary) DeepCopyInto(out *Canary) {
	out.TypeMeta = c.TypeMeta
	c.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec = slices.Clone(c.Spec)
	c.Status.DeepCopyInto(&out.Status)
}

// DeepCopy copies the Canary.
func (c *Canary) DeepCopy() *Canary {
	out := new(Canary)
	c.DeepCopyInto(out)
	return out
}

// DeepCopyObject implements runtime.Object.
func (c *Canary) DeepCopyObject() runtime.Object { return c.DeepCopy() }

// DeepCopyObject implements runtime.Object.
func (l *CanaryList) DeepCopyObject() runtime.Object {
	out := &CanaryList{TypeMeta: l.TypeMeta}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	for i := range l.Items {
		out.Items = append(out.Items, *l.Items[i].DeepCopy())
	}
	return out
}
