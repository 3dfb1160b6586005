package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// An Action is what a person wants done to a release. To be allowed to make one is to be allowed to act; it is done once
// and stays as a record of who did what.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=actions,shortName=sact,categories=serin
// +kubebuilder:printcolumn:name="Canary",type=string,JSONPath=`.spec.canary`
// +kubebuilder:printcolumn:name="Verb",type=string,JSONPath=`.spec.verb`
// +kubebuilder:printcolumn:name="Actor",type=string,JSONPath=`.spec.actor`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Release",type=string,JSONPath=`.status.release`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.message`
type Action struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what shall be done. It never changes.
	Spec ActionSpec `json:"spec"`

	// Status is what became of it; empty until serin has looked.
	//
	// +optional
	Status ActionStatus `json:"status,omitzero"`
}

// An ActionList is what the API server answers when it is asked for several.
//
// +kubebuilder:object:root=true
type ActionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Action `json:"items"`
}

// An ActionSpec is what shall be done, and who wants it.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an Action never changes; make another one"
type ActionSpec struct {
	// Canary is the name of the Canary whose newest release is meant, in the same namespace.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Canary string `json:"canary"`

	// Verb is what shall be done.
	Verb Verb `json:"verb"`

	// Actor is the person who wants it: the name of the user who makes the Action.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Actor string `json:"actor"`

	// Groups are those of the actor's groups in whose name they act; they count at approvals of a group that the Canary itself
	// does not list. Default: none.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Groups []string `json:"groups,omitempty"`

	// Reason is why, for the record. Default: none.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`

	// Step is the step it is meant for, counted from 0; when the release has left it, the Action is refused.
	// Default: the present one.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Step *int `json:"step,omitempty"`
}

// A Verb is something that a person can do to a release.
//
// +kubebuilder:validation:Enum=promote;pause;resume;abort;retry;approve;reject
type Verb string

// An ActionStatus is what became of an Action.
type ActionStatus struct {
	// State is "Done" or "Refused"; empty until serin has looked.
	//
	// +optional
	// +kubebuilder:validation:Enum=Done;Refused
	State ActionState `json:"state,omitempty"`

	// Message is a sentence for people: what was done, or why not.
	//
	// +optional
	Message string `json:"message,omitempty"`

	// At is when that was decided.
	//
	// +optional
	At *metav1.Time `json:"at,omitempty"`

	// Release is the one it was done to. Example: "checkout-3".
	//
	// +optional
	Release string `json:"release,omitempty"`
}

// An ActionState is how an Action ended.
type ActionState string

// The states of an Action.
const (
	Done    ActionState = "Done"
	Refused ActionState = "Refused"
)
