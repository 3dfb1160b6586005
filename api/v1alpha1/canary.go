package v1alpha1

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Canary says how a target is released: in which steps, on which evidence, with whose consent. A change of the
// target's template starts a release; the Canary itself only says how.
//
// `target` alone is useful: 1, 5, 25 and 50 % of the requests for two minutes each, failure rate and latency judged
// against stable all the while, then everything.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=canaries,shortName=scn,categories=serin
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Stable",type=string,JSONPath=`.status.stable`
// +kubebuilder:printcolumn:name="Release",type=string,JSONPath=`.status.release`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.message`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",message="the name must be at most 63 lower-case letters, digits and -, beginning and ending with a letter or digit"
type Canary struct {
	metav1.TypeMeta `json:",inline"`

	// Metadata names the Canary. Its releases are called after it: "checkout-3".
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec CanarySpec `json:"spec"`

	// Status is what serin has to say. Until it has said something, tools that wait see a generation that nobody looked at.
	//
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status CanaryStatus `json:"status,omitzero"`
}

// A CanaryList is what the API server answers when it is asked for several.
//
// +kubebuilder:object:root=true
type CanaryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Canary `json:"items"`
}

// A CanarySpec is what the user wants.
//
// +kubebuilder:validation:XValidation:rule="!has(self.rolling) || has(self.strategy) && self.strategy == 'rolling'",message="the settings rolling belong to strategy rolling"
type CanarySpec struct {
	// Target is what is released. One target has one Canary; the first wins and the second is told who owns it.
	Target TargetRef `json:"target"`

	// Strategy is the shape of the release. Default: weighted.
	//
	// +optional
	Strategy Strategy `json:"strategy,omitempty"`

	// Rolling are the settings of strategy rolling, and of no other.
	//
	// +optional
	Rolling *Rolling `json:"rolling,omitempty"`

	// Traffic says who splits the requests. Default: the embedded proxy with its defaults.
	//
	// +optional
	Traffic *Traffic `json:"traffic,omitempty"`

	// Steps are held one after the other. What a step does not mention stays as it was, with one exception: copies of
	// requests (mirror) end when a step sends the canary requests of its own (weight, match). After the last step the new
	// revision is promoted. Default: those of the strategy.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Steps []Step `json:"steps,omitempty"`

	// Metrics says where requests, failures and latencies are counted. Default: by the router itself ({proxy: {}}).
	//
	// +optional
	Metrics *Metrics `json:"metrics,omitempty"`

	// Judge turns what was counted into a verdict. Default: the sequential judge with its defaults, which compares the
	// canary's failures and latencies with those of stable at the same time.
	//
	// +optional
	Judge *Judge `json:"judge,omitempty"`

	// Insufficient says what happens when there is too little data, or none, to say anything. Ignorance never promotes
	// and never rolls back.
	//
	// +optional
	Insufficient *Insufficient `json:"insufficient,omitempty"`

	// ProgressDeadline is how long a step may take until its instances are ready and its requests flow; then the release
	// rolls back. Example: "5m". Default: "10m"; "2m" while requests wait for a recreation.
	//
	// +optional
	ProgressDeadline Duration `json:"progressDeadline,omitempty"`

	// Groups says who may approve: names of people by name of the group. Example: {sre: [ana, bo]}. Default: none.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Groups map[string][]string `json:"groups,omitempty"`

	// Notify says who is told about the release. Default: nobody.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Notify []Notify `json:"notify,omitempty"`
}

// A TargetRef names what is released. It stays what it is: another target needs another Canary.
//
// +kubebuilder:validation:XValidation:rule="self.kind == oldSelf.kind && self.name == oldSelf.name",message="the target cannot be changed; make another Canary for another target"
// +kubebuilder:validation:XValidation:rule="!has(self.canary) || self.kind == 'Service'",message="canary names the second Service of a pair, and belongs to kind Service"
type TargetRef struct {
	// Kind of the target: "Process" or "Upstream" on a single machine; on a cluster "Deployment", "StatefulSet", "DaemonSet"
	// or "Service".
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind"`

	// Name of the target, in the same namespace.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Canary is the second Service of a pair: the one that the new version stands behind. Both versions are the user's own;
	// serin only moves requests. Kind Service needs it, no other kind has it. Example: "checkout-next".
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Canary string `json:"canary,omitempty"`
}

// A Strategy is the shape of a release.
//
// +kubebuilder:validation:Enum=weighted;blueGreen;mirror;ab;recreate;rolling
type Strategy string

// Rolling are the settings of strategy rolling: capacity moves from stable to canary in batches, and the requests with it,
// so that the target never runs much more than its full size.
type Rolling struct {
	// Batch is how much moves at once, more than 0. Example: "10%". Default: "25%".
	//
	// +optional
	Batch Percent `json:"batch,omitempty"`

	// Hold is how long each batch is held. Default: not at all, beyond readiness and evidence.
	//
	// +optional
	Hold Duration `json:"hold,omitempty"`
}

// Traffic says who splits the requests, and whether users stay on their track.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Traffic struct {
	// Sticky keeps a user on the track they once got. Default: every request is dealt anew.
	//
	// +optional
	Sticky *Sticky `json:"sticky,omitempty"`

	// Router is one entry: the router's name and its settings, which that router alone understands.
	// Example: {proxy: {listen: ":8080"}}. Default: {proxy: {}}.
	//
	// +optional
	Router map[string]json.RawMessage `json:"-"`
}

// Sticky keeps a user on their track by what the user's request carries. A growing weight only adds users to the canary.
//
// +kubebuilder:validation:XValidation:rule="has(self.cookie) != has(self.header)",message="give exactly one of cookie and header"
// +kubebuilder:validation:XValidation:rule="!has(self.maxAge) || has(self.cookie)",message="only a cookie has an age"
type Sticky struct {
	// Cookie is the name of a cookie that the router sets where it is missing. Exactly one of cookie and header.
	//
	// +optional
	Cookie string `json:"cookie,omitempty"`

	// Header is the name of a request header that tells users apart, for instance "X-User". Requests without it are
	// dealt anew each time.
	//
	// +optional
	Header string `json:"header,omitempty"`

	// MaxAge is how long the cookie lives. Default: until the browser is closed.
	//
	// +optional
	MaxAge Duration `json:"maxAge,omitempty"`
}

// Metrics says where requests, failures and latencies are counted, and how often that is looked at.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Metrics struct {
	// Every is the time between two looks, at least 100ms. Default: "5s".
	//
	// +optional
	Every Duration `json:"every,omitempty"`

	// Source is one entry: the store's name and its settings. Example: {scrape: {path: /metrics}}. Default: {proxy: {}}.
	//
	// +optional
	Source map[string]json.RawMessage `json:"-"`
}

// A Judge turns what was counted into a verdict.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Judge struct {
	// Kind of the judge. "none" promotes on time and approvals alone. Default: "sequential".
	//
	// +optional
	Kind string `json:"kind,omitempty"`

	// Settings are the judge's own, which it alone understands.
	// Example: {failures: {tolerate: 1.1x}, objective: {availability: 99.5%}}. Default: the judge's.
	//
	// +optional
	Settings map[string]json.RawMessage `json:"-"`
}

// Insufficient says what happens without enough data.
type Insufficient struct {
	// Within is how long the release waits for data before it asks a person. Default: "1h".
	//
	// +optional
	Within Duration `json:"within,omitempty"`
}

// Notify tells somebody about events of the release.
//
// +kubebuilder:pruning:PreserveUnknownFields
type Notify struct {
	// Name of this entry in messages and records. Default: the notifier's name.
	//
	// +optional
	Name string `json:"name,omitempty"`

	// On lists the events. Within a step only "entered" makes sense, and is the default there.
	// Default: rolledBack, promoted, needsYou.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	On []Event `json:"on,omitempty"`

	// Notifier is one entry: the notifier's name and its settings. Example: {webhook: {url: "http://127.0.0.1:9000/"}}.
	//
	Notifier map[string]json.RawMessage `json:"-"`
}

// An Event is something that happens to a release: "entered" (a step's state holds), "rolledBack", "promoted", or
// "needsYou" (an approval, or a decision without enough data).
//
// +kubebuilder:validation:Enum=entered;rolledBack;promoted;needsYou
type Event string
