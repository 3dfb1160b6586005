package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group and Version name the objects of this package in files: "serin.dev/v1alpha1".
const (
	Group      = "serin.dev"
	Version    = "v1alpha1"
	APIVersion = Group + "/" + Version
)

// The kinds of this package.
const (
	KindCanary   = "Canary"
	KindProcess  = "Process"
	KindUpstream = "Upstream"
	KindRelease  = "Release"
	KindAction   = "Action"
)

// GroupVersion is the group and version of this package for Kubernetes.
var GroupVersion = schema.GroupVersion{Group: Group, Version: Version}

// AddToScheme makes the kinds of Kubernetes known to a client that wants them typed in full.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Canary{}, &CanaryList{}, &Release{}, &ReleaseList{}, &Action{}, &ActionList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// TypeMeta says what an object in a file is.
type TypeMeta struct {
	// APIVersion is "serin.dev/v1alpha1".
	APIVersion string `json:"apiVersion"`

	// Kind is "Canary", "Process" or "Upstream".
	Kind string `json:"kind"`
}

// ObjectMeta names an object in a file.
type ObjectMeta struct {
	// Name is unique among the objects of its kind: lower-case letters, digits and "-", at most 63 characters,
	// beginning and ending with a letter or digit (RFC 1123). Example: "checkout".
	//
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// Namespace is where the object lives on a cluster. A single machine has no namespaces: there a Canary and its
	// target must not disagree about it, and names are unique regardless of it. Default: none.
	//
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Labels are for people and other programs; serin does not read them.
	//
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// Annotations are for people and other programs; serin does not read them.
	//
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// Generation counts changes of the spec. It is set by the cluster; files leave it out.
	//
	// +optional
	Generation int64 `json:"generation,omitempty"`
}
