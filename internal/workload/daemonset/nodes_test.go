package daemonset

import (
	"context"
	"fmt"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"serin.dev/serin/internal/cluster/clustertest"
)

// Nodes are nodes of the real API server whose kubelet is this test: it says that pods run and are ready, and lets those go
// that are deleted. All else (which node gets a pod, of which template) is done by the real DaemonSet controller. A
// taint keeps the pods of others away.
type nodes struct {
	t      *testing.T
	kube   kubernetes.Interface
	labels map[string]string
	names  []string
}

const taint = "serin.dev/test"

func newNodes(t *testing.T, n int) *nodes {
	kube, err := kubernetes.NewForConfig(clustertest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	ns := &nodes{t: t, kube: kube, labels: map[string]string{taint: fmt.Sprint(time.Now().UnixNano())}}
	for range n {
		ns.add()
	}
	return ns
}

// add lets a node join.
func (n *nodes) add() {
	n.t.Helper()
	ctx := n.t.Context()
	name := fmt.Sprintf("test-%s-%d", n.labels[taint], len(n.names))
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: n.labels},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: taint, Effect: corev1.TaintEffectNoSchedule}}},
	}
	if _, err := n.kube.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		n.t.Fatal(err)
	}
	n.names = append(n.names, name)
	n.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := n.kube.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			n.t.Errorf("delete node %s: %v", name, err)
		}
		_ = n.kube.CoordinationV1().Leases(corev1.NamespaceNodeLease).Delete(ctx, name, metav1.DeleteOptions{}) // goes with its node anyway
	})
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: name}}
	lifetime := int32(600)
	lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds = &name, &lifetime
	now := metav1.NowMicro()
	lease.Spec.RenewTime = &now
	if _, err := n.kube.CoordinationV1().Leases(corev1.NamespaceNodeLease).Create(ctx, lease, metav1.CreateOptions{}); err != nil {
		n.t.Fatal(err)
	}
	status := fmt.Sprintf(`{"status":{"capacity":{"pods":"10","cpu":"1","memory":"1Gi"},"allocatable":{"pods":"10","cpu":"1","memory":"1Gi"},
		"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":%[1]q,"lastTransitionTime":%[1]q}]}}`, time.Now().UTC().Format(time.RFC3339))
	if _, err := n.kube.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status"); err != nil {
		n.t.Fatal(err)
	}
}

// run is the kubelet of all nodes, for pods of one namespace, until the test ends.
func (n *nodes) run(namespace string) {
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	n.t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		beat := time.NewTicker(200 * time.Millisecond)
		defer beat.Stop()
		renewed := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-beat.C:
			}
			n.tend(ctx, namespace)
			if time.Since(renewed) > 5*time.Second {
				renewed = time.Now()
				n.renew(ctx)
			}
		}
	}()
}

func (n *nodes) tend(ctx context.Context, namespace string) {
	pods, err := n.kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return // again with the next beat
	}
	for i, p := range pods.Items {
		switch {
		case p.DeletionTimestamp != nil:
			now := int64(0)
			_ = n.kube.CoreV1().Pods(namespace).Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}) // again with the next beat
		case p.Spec.NodeName != "" && p.Status.Phase == corev1.PodPending:
			at := metav1.Now()
			p.Status.Phase, p.Status.PodIP = corev1.PodRunning, fmt.Sprintf("192.0.2.%d", i+1)
			p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: at})
			_, _ = n.kube.CoreV1().Pods(namespace).UpdateStatus(ctx, &p, metav1.UpdateOptions{}) // again with the next beat
		}
	}
}

// renew keeps the node controller from taking the nodes for lost.
func (n *nodes) renew(ctx context.Context) {
	for _, name := range n.names {
		lease, err := n.kube.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			continue
		}
		now := metav1.NowMicro()
		lease.Spec.RenewTime = &now
		_, _ = n.kube.CoordinationV1().Leases(corev1.NamespaceNodeLease).Update(ctx, lease, metav1.UpdateOptions{}) // again in 5 seconds
	}
}
