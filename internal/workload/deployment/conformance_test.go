package deployment

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
	"serin.dev/serin/internal/workload/conformance"
)

// The suite speaks of pools by revision and knows nothing of a stable that is there before. Here it sees the canary alone:
// canaries names its pool by its revision, and leaves stable as it is.
type canaries struct{ *Deployments }

func (c canaries) Observe(ctx context.Context, target string) ([]plan.Pool, error) {
	pools, err := c.Deployments.Observe(ctx, target)
	pools = slices.DeleteFunc(pools, func(p plan.Pool) bool { return p.Name == stablePool })
	for i := range pools {
		pools[i].Name = plan.PoolName(pools[i].Revision)
	}
	return pools, err
}

func (c canaries) Apply(ctx context.Context, target string, o workload.Order) error {
	o.Pools = slices.Clone(o.Pools)
	for i := range o.Pools {
		o.Pools[i].Pool = canaryPool
	}
	return c.Deployments.Apply(ctx, target, o)
}

func TestConformance(t *testing.T) {
	var s *stand
	conformance.Run(t, conformance.Subject{
		Driver: Driver, Single: true, Patience: patience,
		Target: func(name string) string { return s.target(name) },
		New: func(t *testing.T) workload.Workload {
			s = newStand(t)
			s.create(deployment(s.ns, "checkout", "v0"), deployment(s.ns, "cart", "v0"))
			return canaries{s.d}
		},
		Template: func(t *testing.T, rev plan.Revision) json.RawMessage {
			return templateOf(t, deployment("", "checkout", string(rev)).Spec.Template)
		},
		Stuck: func(t *testing.T, rev plan.Revision) json.RawMessage {
			pods := deployment("", "checkout", string(rev)).Spec.Template
			pods.Spec.Containers[0].ReadinessProbe.HTTPGet.Path = "/status/500"
			return templateOf(t, pods)
		},
		Refused: map[string]json.RawMessage{
			"pod.spec.containers": json.RawMessage(`{"pod":{"spec":{"containers":[]}}}`),
			"replicas":            json.RawMessage(`{"replicas":3}`),
		},
	})
}

func templateOf(t *testing.T, pods corev1.PodTemplateSpec) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(Template{Pod: pods})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
