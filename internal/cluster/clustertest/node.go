package clustertest

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// Node makes a node that has no kubelet, says that it is well until the test is over, and that nothing is scheduled to. Pods that the
// test plays are bound to it: Kubernetes makes endpoints only of pods whose node there is.
func Node(t testing.TB, a *cluster.Access) string {
	t.Helper()
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "serin-test-"},
		Spec:       corev1.NodeSpec{Unschedulable: true, Taints: []corev1.Taint{{Key: "serin.dev/test", Effect: corev1.TaintEffectNoSchedule}}},
	}
	if err := a.Create(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		<-stopped
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := a.Delete(ctx, n); client.IgnoreNotFound(err) != nil {
			t.Errorf("delete node %s: %v", n.Name, err)
		}
	})
	if err := beat(t.Context(), a, n.Name); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(stopped)
		heart := time.NewTicker(10 * time.Second) // the controller gives up a node after 50 s without
		defer heart.Stop()
		for {
			select {
			case <-stop:
				return
			case <-heart.C:
			}
			if err := beat(t.Context(), a, n.Name); err != nil {
				t.Logf("say that node %s is well: %v", n.Name, err)
			}
		}
	}()
	return n.Name
}

// beat says that a node is well.
func beat(ctx context.Context, a *cluster.Access, name string) error {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := a.Live.Get(ctx, client.ObjectKeyFromObject(n), n); err != nil {
		return err
	}
	before := n.DeepCopy()
	n.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "Played", LastHeartbeatTime: metav1.Now(),
		LastTransitionTime: n.CreationTimestamp,
	}}
	return a.Status().Patch(ctx, n, client.StrategicMergeFrom(before))
}
