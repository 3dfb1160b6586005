package v1alpha1

// A Step is held until all it asks for is given: its state is reached, its time is over, the evidence is in, people
// agree. An empty step is refused.
//
// +kubebuilder:validation:MinProperties=1
type Step struct {
	// Name of the step in messages, unique among the steps. Default: what it does, for instance "25%".
	//
	// +optional
	Name string `json:"name,omitempty"`

	// Weight is the canary's share of the requests that no match claims, in per cent. It never falls from step to step.
	// Example: 12.5. Default: as before, at first 0.
	//
	// +optional
	Weight *Percent `json:"weight,omitempty"`

	// Mirror is the share of all requests that is copied to the canary, whose answers nobody waits for. 0 ends it.
	// Example: 10. Default: as before, until a step has a weight or a match.
	//
	// +optional
	Mirror *Percent `json:"mirror,omitempty"`

	// Match lists who goes to the canary in any case: requests that meet all conditions of one entry. [] ends it.
	// Default: as before.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Match []Match `json:"match,omitempty"`

	// Capacity is how much canary there is at least from this step on. Example: "50%" or 3.
	// Default: as much as the requests of the step need, all of it where there are matches.
	//
	// +optional
	Capacity *Amount `json:"capacity,omitempty"`

	// Hold is how long the step lasts at least, from the moment its state is reached. Default: no time.
	//
	// +optional
	Hold Duration `json:"hold,omitempty"`

	// Approve waits for a person. A rejection rolls back. Default: nobody is asked.
	//
	// +optional
	Approve *Approve `json:"approve,omitempty"`

	// Until is "pass": the step lasts until the judge has said pass. The last step at which both revisions get
	// requests does so anyway. Default: the step lasts until somebody is looking and nothing is wrong.
	//
	// +optional
	// +kubebuilder:validation:Enum=pass
	Until string `json:"until,omitempty"`

	// Notify tells somebody that the step was reached. Default: nobody.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Notify []Notify `json:"notify,omitempty"`
}

// A Match is met by requests that meet all its conditions. At least one is needed.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.header) || has(self.header.name)",message="the header has no name"
// +kubebuilder:validation:XValidation:rule="!has(self.cookie) || has(self.cookie.name)",message="the cookie has no name"
// +kubebuilder:validation:XValidation:rule="!has(self.path) || !has(self.path.name) && !has(self.path.present)",message="a path has no name and is always present"
type Match struct {
	// Header is a condition on a request header. Names are compared without regard to case.
	//
	// +optional
	Header *Condition `json:"header,omitempty"`

	// Cookie is a condition on a cookie. Names are compared with regard to case.
	//
	// +optional
	Cookie *Condition `json:"cookie,omitempty"`

	// Path is a condition on the path of the URL. It has no name.
	//
	// +optional
	Path *Condition `json:"path,omitempty"`
}

// A Condition compares a value in exactly one way.
//
// +kubebuilder:validation:XValidation:rule="[has(self.exact), has(self.prefix), has(self.regex), has(self.present)].exists_one(x, x)",message="give exactly one of exact, prefix, regex and present"
// +kubebuilder:validation:XValidation:rule="!has(self.present) || self.present",message="present: false is no condition"
type Condition struct {
	// Name of the header or cookie. A path has none.
	//
	// +optional
	Name string `json:"name,omitempty"`

	// Exact is the whole value.
	//
	// +optional
	Exact string `json:"exact,omitempty"`

	// Prefix is how the value begins.
	//
	// +optional
	Prefix string `json:"prefix,omitempty"`

	// Regex matches the whole value (RE2 syntax, as in Gateway API and Envoy).
	//
	// +optional
	Regex string `json:"regex,omitempty"`

	// Present is true: any value will do, but there must be one. A path is always present.
	//
	// +optional
	Present bool `json:"present,omitempty"`
}

// Approve waits for a person.
type Approve struct {
	// Group is who may: a name of spec.groups. Default: anyone who may act on the release.
	//
	// +optional
	Group string `json:"group,omitempty"`

	// Within is how long the answer may take; without one by then the release rolls back. Example: "4h".
	// Default: no deadline.
	//
	// +optional
	Within Duration `json:"within,omitempty"`
}
