package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/pod"
)

// Nodes are full: the canary finds no place, gets no request, and the release says whose fault it is.
func TestNodesAreFull(t *testing.T) {
	s, u := behindGateway(t, quick+"steps: [{weight: 20}]\nprogressDeadline: 15s\n")
	s.words["MEMORY"] = "100Ti"
	s.podinfo("v2")
	r := s.ends(s.begun(), "RolledBack", long)
	s.says(r, "NotReady", "Insufficient memory")
	u.nothingFrom(pace, "v2")
	u.report("v1")
}

// A node under pressure, or one that is drained, evicts a pod of the canary in the middle of its step: users do not notice, and
// the release goes on with the next one.
func TestCanaryEvicted(t *testing.T) {
	s, u := behindGateway(t, quick+`
steps:
- {weight: 20, capacity: 2, approve: {}}
- {weight: 50, hold: 3s}
`)
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "20%", "AwaitingApproval", long)
	u.served("v2", pace/2)

	evicted := s.evict("v2")
	s.await("another pod takes the place of "+evicted, long, func(ctx context.Context) (bool, error) {
		return s.ready(ctx, "v2", evicted, 2)
	})
	u.served("v2", pace/2)
	s.must("approve", "podinfo")
	s.ends(name, "Promoted", 2*long)
	s.pristine("v2")
	u.report("v1", "v2")
}

// A node is drained while a version is released, within the budget that keeps one pod of stable.
func TestStableEvicted(t *testing.T) {
	s, u := behindGateway(t, quick+`
steps:
- {weight: 20, approve: {}}
`)
	least := intstr.FromInt32(1)
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: s.ns},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &least, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "podinfo"}}},
	}
	if err := s.Create(t.Context(), budget); err != nil {
		t.Fatal(err)
	}
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "20%", "AwaitingApproval", long)
	evicted := s.evict("v1")
	s.await("stable is whole again", long, func(ctx context.Context) (bool, error) {
		return s.ready(ctx, "v1", evicted, 2)
	})
	s.must("approve", "podinfo")
	s.ends(name, "Promoted", 2*long)
	s.pristine("v2")
	u.report("v1", "v2")
}

// pods are those of a version that nobody has told to end.
func (s *stage) pods(ctx context.Context, version string) (of []corev1.Pod, err error) {
	var list corev1.PodList
	if err := s.List(ctx, &list, client.InNamespace(s.ns)); err != nil {
		return nil, err
	}
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil && strings.HasSuffix(p.Spec.Containers[0].Image, ":"+version) {
			of = append(of, p)
		}
	}
	return of, nil
}

// ready reports whether so many pods of a version serve, not counting one that has to go.
func (s *stage) ready(ctx context.Context, version, without string, want int) (bool, error) {
	pods, err := s.pods(ctx, version)
	n := 0
	for _, p := range pods {
		if p.Name != without && pod.Serves(&p) {
			n++
		}
	}
	return n == want, err
}

// evict takes a pod of a version away as a drained node does, and returns its name.
func (s *stage) evict(version string) string {
	s.Helper()
	var name string
	s.await("a pod of "+version+" may be evicted", long, func(ctx context.Context) (bool, error) {
		pods, err := s.pods(ctx, version)
		if err != nil || len(pods) == 0 {
			return false, err
		}
		name = pods[0].Name
		eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.ns}}
		if err := s.SubResource("eviction").Create(ctx, &pods[0], eviction); err != nil {
			return false, fmt.Errorf("evict %s: %w", name, err)
		}
		return true, nil
	})
	return name
}
