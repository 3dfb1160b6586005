package cluster

// What serin leaves on the objects it makes, or changes.
const (
	// TargetLabel is on everything serin makes for a target; its value is Key.Label of the target.
	TargetLabel = "serin.dev/target"
	// TrackLabel says which track an object serves: "canary", "baseline". Objects of the user never carry it.
	TrackLabel = "serin.dev/track"
	// RevisionLabel names the revision that an object runs.
	RevisionLabel = "serin.dev/revision"
	// HeldAnnotation is on a workload of the user that serin holds; its value is the Canary that owns it ("shop/checkout").
	HeldAnnotation = "serin.dev/held-by"
	// ConfigAnnotation notes the digest of the configuration (ConfigMaps and Secrets) that a workload of the user was adopted
	// with, and on its pod template the one that it was last promoted to. On sets and their templates it names each source too.
	ConfigAnnotation = "serin.dev/config"
	// AppliedAnnotation is on objects of serin: the digest of what was last applied, so that the same is not sent again.
	AppliedAnnotation = "serin.dev/applied"
	// ReplicasAnnotation is on workloads of serin: how many replicas are ordered, whatever an autoscaler makes of it.
	ReplicasAnnotation = "serin.dev/replicas"
	// TrafficAnnotation is on a route that serin has its hands on: what was ordered, and what stood there before, as JSON.
	TrafficAnnotation = "serin.dev/traffic"
)

// Field managers of server-side apply. TrafficManager owns weights only, so that tools can ignore it by name.
const (
	Manager        = "serin"
	TrafficManager = "serin-traffic"
)
