package v1alpha1

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The types of conditions. Reconciling and Stalled are there only while they are true (kstatus: abnormal-true).
const (
	Ready       = "Ready"
	Reconciling = "Reconciling"
	Stalled     = "Stalled"
)

// A CanaryStatus is what serin has to say about a Canary. Its conditions follow kstatus: a waiting tool sees InProgress
// while a release moves or waits, Current once it was promoted, Failed once it was rolled back. It changes with the great
// events of a release only; where a release stands is told by the Release.
type CanaryStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks about; -1 before anybody looked.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Stable is the revision in production: the one users get outside of a release.
	//
	// +optional
	Stable string `json:"stable,omitempty"`

	// Release is the name of the newest release. Example: "checkout-3".
	//
	// +optional
	Release string `json:"release,omitempty"`

	// Message is what happens now, in one line.
	//
	// +optional
	Message string `json:"message,omitempty"`

	// Conditions are Ready, Reconciling and Stalled. The last two are there only while they are true.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Diagnostics is what the compiler has to say about the spec: why it was refused, and what may not be meant.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`

	// Record is what serin must not forget about the target, in serin's own words. Nobody else writes it.
	//
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	Record json.RawMessage `json:"record,omitempty"`
}

// A Diagnostic is what the compiler has to say about one field.
type Diagnostic struct {
	// Field of the Canary. Example: "spec.steps[2].weight".
	//
	// +optional
	Field string `json:"field,omitempty"`

	// Severity is "error", which keeps the spec from being used, or "warning".
	//
	// +kubebuilder:validation:Enum=error;warning
	Severity string `json:"severity"`

	// Message is a sentence for people.
	Message string `json:"message"`
}
