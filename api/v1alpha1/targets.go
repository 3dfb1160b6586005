package v1alpha1

// A Process is a target that runs on this machine: local processes without root, behind the embedded proxy. A change of
// anything in its spec but replicas is a new revision.
type Process struct {
	TypeMeta `json:",inline"`

	// Metadata names the process.
	Metadata ObjectMeta `json:"metadata"`

	// Spec is how it runs.
	Spec ProcessSpec `json:"spec"`
}

// A ProcessSpec is how a process runs.
type ProcessSpec struct {
	// Replicas is the full size, at least 1: how many processes carry all requests. Default: 1.
	//
	// +optional
	Replicas *int `json:"replicas,omitempty"`

	// Version is a word for people; revisions begin with it: "6.9.2-1f0c8e2a". Letters, digits, ".", "_" and "-", at most
	// 40 characters. Default: none.
	//
	// +optional
	Version string `json:"version,omitempty"`

	// Command is the program and its arguments; no shell is involved. $(PORT), $(INSTANCE) and $(REVISION) are replaced.
	// Example: [./bin/podinfo, --port, "$(PORT)"].
	Command []string `json:"command"`

	// Env are further environment variables, with the same replacements. PORT, INSTANCE and REVISION are always set.
	//
	// +optional
	Env map[string]string `json:"env,omitempty"`

	// Dir is the working directory. Default: that of serin.
	//
	// +optional
	Dir string `json:"dir,omitempty"`

	// Health says how a replica shows that it can serve. Default: its port accepts connections.
	//
	// +optional
	Health *ProcessHealth `json:"health,omitempty"`

	// Stop says how a replica is asked to end.
	//
	// +optional
	Stop *ProcessStop `json:"stop,omitempty"`

	// Port is a fixed port, 1 to 65535, for a process that cannot be told one; it then has at most one replica at a time.
	// Default: each replica gets a free one as $(PORT).
	//
	// +optional
	Port int `json:"port,omitempty"`

	// Restart says what happens after a replica ended by itself.
	//
	// +optional
	Restart *ProcessRestart `json:"restart,omitempty"`
}

// ProcessHealth says how a replica shows that it can serve.
type ProcessHealth struct {
	// Path is asked with GET; any 2xx is healthy. Example: "/healthz". Default: a connection is enough.
	//
	// +optional
	Path string `json:"path,omitempty"`

	// TCP is true: a connection is enough. Not together with path.
	//
	// +optional
	TCP bool `json:"tcp,omitempty"`

	// Interval between two questions. Default: "1s".
	//
	// +optional
	Interval Duration `json:"interval,omitempty"`

	// Timeout of one question. Default: "1s".
	//
	// +optional
	Timeout Duration `json:"timeout,omitempty"`

	// HealthyAfter is how many good answers in a row make a replica ready. Default: 1.
	//
	// +optional
	HealthyAfter int `json:"healthyAfter,omitempty"`

	// UnhealthyAfter is how many bad answers in a row make it unready. Default: 3.
	//
	// +optional
	UnhealthyAfter int `json:"unhealthyAfter,omitempty"`

	// Startup is how long a replica may take to become ready before it is replaced. Default: "1m".
	//
	// +optional
	Startup Duration `json:"startup,omitempty"`
}

// ProcessStop says how a replica is asked to end.
type ProcessStop struct {
	// Signal that asks. Default: "SIGTERM".
	//
	// +optional
	Signal string `json:"signal,omitempty"`

	// Grace is how long it may take before it is killed. Default: "10s".
	//
	// +optional
	Grace Duration `json:"grace,omitempty"`
}

// ProcessRestart says what happens after a replica ended by itself.
type ProcessRestart struct {
	// Backoff is the shortest and the longest wait before a new start; it doubles in between. Default: "1s..1m".
	//
	// +optional
	Backoff string `json:"backoff,omitempty"`
}

// An Upstream is a target that runs elsewhere and is only sent requests: fixed URLs. Old and new revision are different
// URLs, for instance a monolith and the service that strangles it. A change of anything but replicas is a new revision.
type Upstream struct {
	TypeMeta `json:",inline"`

	// Metadata names the upstream.
	Metadata ObjectMeta `json:"metadata"`

	// Spec is where it runs.
	Spec UpstreamSpec `json:"spec"`
}

// An UpstreamSpec is where an upstream runs.
type UpstreamSpec struct {
	// Version is a word for people; revisions begin with it. Letters, digits, ".", "_" and "-", at most 40 characters.
	// Default: none.
	//
	// +optional
	Version string `json:"version,omitempty"`

	// URLs are the servers of this revision, at least one; requests are spread over those that are healthy.
	// Example: ["http://10.0.0.7:8080"].
	URLs []string `json:"urls"`

	// Health says how a server shows that it can serve. Default: its port accepts connections.
	//
	// +optional
	Health *UpstreamHealth `json:"health,omitempty"`
}

// UpstreamHealth says how a server shows that it can serve.
type UpstreamHealth struct {
	// Path is asked with GET; any 2xx is healthy. Example: "/healthz". Default: a connection is enough.
	//
	// +optional
	Path string `json:"path,omitempty"`

	// TCP is true: a connection is enough. Not together with path.
	//
	// +optional
	TCP bool `json:"tcp,omitempty"`

	// Interval between two questions. Default: "1s".
	//
	// +optional
	Interval Duration `json:"interval,omitempty"`

	// Timeout of one question. Default: "1s".
	//
	// +optional
	Timeout Duration `json:"timeout,omitempty"`

	// HealthyAfter is how many good answers in a row make a server ready. Default: 1.
	//
	// +optional
	HealthyAfter int `json:"healthyAfter,omitempty"`

	// UnhealthyAfter is how many bad answers in a row make it unready. Default: 3.
	//
	// +optional
	UnhealthyAfter int `json:"unhealthyAfter,omitempty"`
}
