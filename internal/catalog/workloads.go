package catalog

import (
	"serin.dev/serin/internal/workload"
	"serin.dev/serin/internal/workload/daemonset"
	"serin.dev/serin/internal/workload/deployment"
	"serin.dev/serin/internal/workload/process"
	"serin.dev/serin/internal/workload/service"
	"serin.dev/serin/internal/workload/statefulset"
	"serin.dev/serin/internal/workload/upstream"
)

// Workloads lists what can run revisions.
var Workloads = []workload.Driver{
	process.Driver,
	upstream.Driver,
	deployment.Driver,
	statefulset.Driver,
	daemonset.Driver,
	service.Driver,
}
