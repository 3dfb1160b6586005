package v1alpha1

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Release is one attempt to bring a target to a revision: the compiled plan, which never changes, and where it stands.
// serin makes Releases; people read them.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=releases,shortName=srel,categories=serin
// +kubebuilder:selectablefield:JSONPath=`.status.phase`
// +kubebuilder:selectablefield:JSONPath=`.spec.canary`
// +kubebuilder:printcolumn:name="Canary",type=string,JSONPath=`.spec.canary`
// +kubebuilder:printcolumn:name="Revision",type=string,JSONPath=`.spec.to`
// +kubebuilder:printcolumn:name="Step",type=string,JSONPath=`.status.step`
// +kubebuilder:printcolumn:name="Weight",type=string,JSONPath=`.status.weight`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.status.since`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Waiting",type=string,priority=1,JSONPath=`.status.waiting`
type Release struct {
	metav1.TypeMeta `json:",inline"`

	// Metadata names the Release: the Canary's name and a number, "checkout-3".
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec never changes.
	Spec ReleaseSpec `json:"spec"`

	// Status is where the release stands.
	//
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status ReleaseStatus `json:"status,omitzero"`
}

// A ReleaseList is what the API server answers when it is asked for several.
//
// +kubebuilder:object:root=true
type ReleaseList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Release `json:"items"`
}

// A ReleaseSpec is what was decided when the release began.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a Release never changes; change the Canary, or act on the release by an Action"
type ReleaseSpec struct {
	// Canary is the name of the Canary it came from, in the same namespace.
	//
	// +kubebuilder:validation:MaxLength=63
	Canary string `json:"canary"`

	// Target is what is released. Example: "Deployment/shop/checkout".
	//
	// +kubebuilder:validation:MaxLength=512
	Target string `json:"target"`

	// Number counts the Canary's releases from 1.
	//
	// +kubebuilder:validation:Minimum=1
	Number int64 `json:"number"`

	// From is the revision in production before; empty: this is the first.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	From string `json:"from,omitempty"`

	// To is the revision that is released.
	//
	// +kubebuilder:validation:MaxLength=253
	To string `json:"to"`

	// Record is the whole release in serin's own words: the plan, the templates of its revisions, who may approve.
	//
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	Record json.RawMessage `json:"record"`
}

// A ReleaseStatus is where a release stands.
type ReleaseStatus struct {
	// ObservedGeneration is 1 once the release is looked after; -1 before.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Phase is one word: Progressing, RollingBack, Promoted, RolledBack or Superseded. The last three are final.
	//
	// +optional
	Phase string `json:"phase,omitempty"`

	// Step is the name of the step that is held or approached.
	//
	// +optional
	Step string `json:"step,omitempty"`

	// StepIndex counts from 0, the state before the release.
	//
	// +optional
	StepIndex int64 `json:"stepIndex,omitempty"`

	// Steps is how many states the release has, the first and the last among them.
	//
	// +optional
	Steps int64 `json:"steps,omitempty"`

	// Weight is the canary's share of the requests as the step wants it. Example: "12.5%".
	//
	// +optional
	Weight string `json:"weight,omitempty"`

	// Waiting is what is awaited, in plain words.
	//
	// +optional
	Waiting string `json:"waiting,omitempty"`

	// Since is when the step was entered, or the release ended.
	//
	// +optional
	Since *metav1.Time `json:"since,omitempty"`

	// Conditions are Ready, Reconciling and Stalled. The last two are there only while they are true.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Record is the whole status in serin's own words: position, evidence, hooks, log. Nobody else writes it.
	//
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	Record json.RawMessage `json:"record,omitempty"`
}
