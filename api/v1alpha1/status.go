package v1alpha1

// A CanaryStatus is what serin has to say about a Canary. Its conditions follow kstatus: a waiting tool sees InProgress
// while a release moves or waits, Current once it was promoted, Failed once it was rolled back.
type CanaryStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks about.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Phase is one word: Progressing, RollingBack, Promoted, RolledBack or Superseded.
	Phase string `json:"phase,omitempty"`

	// Stable is the revision in production: the one users get outside of a release.
	Stable string `json:"stable,omitempty"`

	// Canary is the revision of the last release; the same as stable once it was promoted.
	Canary string `json:"canary,omitempty"`

	// Step is the name of the step that is held or approached.
	Step string `json:"step,omitempty"`

	// StepIndex counts from 0, the state before the release; Steps is how many there are.
	StepIndex int `json:"stepIndex"`

	// Steps is how many steps the release has.
	Steps int `json:"steps"`

	// Weight is the canary's share of the requests as the router does it now. Example: "12.5%".
	Weight Percent `json:"weight,omitempty"`

	// Message is what happens now and what is awaited, in one line.
	Message string `json:"message,omitempty"`

	// Conditions are Ready, Reconciling and Stalled. The last two are there only while they are true.
	//
	// +listType=map
	// +listMapKey=type
	Conditions []StatusCondition `json:"conditions,omitempty"`
}

// A StatusCondition is the standard condition of Kubernetes (meta/v1 Condition).
type StatusCondition struct {
	// Type is Ready, Reconciling or Stalled.
	Type string `json:"type"`

	// Status is True, False or Unknown.
	Status string `json:"status"`

	// ObservedGeneration is the generation of the spec that the condition speaks about.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// LastTransitionTime is when the status last changed (RFC 3339).
	LastTransitionTime string `json:"lastTransitionTime"`

	// Reason is one word for programs.
	Reason string `json:"reason"`

	// Message is a sentence for people.
	Message string `json:"message"`
}
