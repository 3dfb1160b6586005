package daemonset

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
	"serin.dev/serin/internal/workload/batch"
)

// patience bounds every wait for the cluster.
const patience = 3 * time.Minute

// A bench is a DaemonSet on the real cluster, as its user and as serin see it.
type bench struct {
	t       *testing.T
	daemons *batch.Sets
	target  string
	key     types.NamespacedName
	writes  *counting
	nodes   map[string]string
	seen    map[plan.Revision]json.RawMessage // templates, as a record keeps them
}

// counting counts what is sent to the API server.
type counting struct {
	client.Client
	sent int
}

func (c *counting) Apply(ctx context.Context, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	c.sent++
	return c.Client.Apply(ctx, o, opts...)
}

func (c *counting) Patch(ctx context.Context, o client.Object, p client.Patch, opts ...client.PatchOption) error {
	c.sent++
	return c.Client.Patch(ctx, o, p, opts...)
}

func (c *counting) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	c.sent++
	return c.Client.Delete(ctx, o, opts...)
}

// kubelets are selected by a label that every kubelet gives its node, and that the nodes of other tests lack.
var kubelets = map[string]string{corev1.LabelOSStable: "linux"}

func newBench(t *testing.T, nodes map[string]string) *bench {
	a, namespace := clustertest.New(t, clientscheme.Scheme)
	writes := &counting{Client: a.Client}
	a.Client = writes
	b := &bench{
		t: t, daemons: New(workload.Env{Cluster: a}), target: "DaemonSet/" + namespace + "/agent", writes: writes,
		key: types.NamespacedName{Namespace: namespace, Name: "agent"}, nodes: nodes, seen: map[plan.Revision]json.RawMessage{},
	}
	return b
}

// write applies the user's DaemonSet as Git tools do: server-side, as the manager "git", by force.
func (b *bench) write(tag string, change ...func(*appsv1.DaemonSet)) plan.Revision {
	b.t.Helper()
	labels := map[string]string{"app": "agent"}
	probe := &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromInt32(9898)}}}
	grace := int64(1)
	set := &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: Kind},
		ObjectMeta: metav1.ObjectMeta{Name: b.key.Name, Namespace: b.key.Namespace},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: maps.Clone(labels)},
				Spec: corev1.PodSpec{NodeSelector: b.nodes, Tolerations: everywhere, TerminationGracePeriodSeconds: &grace, Containers: []corev1.Container{{
					Name: "app", Image: "registry.local/podinfo:" + tag, Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 9898}},
					Env: []corev1.EnvVar{{Name: "VERSION", Value: tag}}, ReadinessProbe: probe,
				}}},
			},
		},
	}
	for _, c := range change {
		c(set)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(set)
	if err != nil {
		b.t.Fatal(err)
	}
	delete(content, "status")
	u := &unstructured.Unstructured{Object: content}
	if err := b.writes.Client.Apply(b.t.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("git"), client.ForceOwnership); err != nil {
		b.t.Fatalf("write %s: %v", tag, err)
	}
	return b.describe().Revision
}

func (b *bench) describe() workload.Description {
	b.t.Helper()
	d, err := b.daemons.Describe(b.t.Context(), b.target)
	if err != nil {
		b.t.Fatal(err)
	}
	b.seen[d.Revision] = d.Template
	return d
}

// everywhere tolerates the taints of any node.
var everywhere = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}

type wish = map[plan.Revision]int

func (b *bench) order(want wish) workload.Order {
	o := workload.Order{Mingled: true, Owner: b.key.Namespace + "/agent"}
	for r, n := range want {
		o.Pools = append(o.Pools, workload.PoolOrder{Pool: plan.PoolName(r), Revision: r, Template: b.seen[r], Replicas: n})
	}
	return o
}

func (b *bench) observe() []plan.Pool {
	b.t.Helper()
	pools, err := b.daemons.Observe(b.t.Context(), b.target)
	if err != nil {
		b.t.Fatal(err)
	}
	return pools
}

// reach orders again and again, as the controller does, until the pools are as wanted, and reports how many pods were ready
// at the worst moment.
func (b *bench) reach(want wish) (worst int) {
	b.t.Helper()
	worst = 1 << 30
	deadline := time.After(patience)
	tick := time.NewTicker(clustertest.Glance)
	defer tick.Stop()
	for {
		if err := b.daemons.Apply(b.t.Context(), b.target, b.order(want)); err != nil {
			b.t.Logf("tried again: %v", err)
		}
		pools := b.observe()
		ready, total := 0, 0
		for _, p := range pools {
			ready += p.Ready
			total += p.Wanted
		}
		worst = min(worst, ready)
		if total != int(b.get().Status.DesiredNumberScheduled) {
			b.t.Logf("a node came or went: the pools together are asked to have %d: %s", total, words(pools))
		}
		if stands(pools, want) {
			return worst
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("waiting for %v: still %s, %s", want, words(pools), trouble(pools))
		}
	}
}

func stands(pools []plan.Pool, want wish) bool {
	left := maps.Clone(want)
	for _, p := range pools {
		if n := left[p.Revision]; p.Wanted != n || p.Ready != n || p.Running != n || len(p.Endpoints) != n {
			return false
		}
		delete(left, p.Revision)
	}
	for _, n := range left {
		if n > 0 {
			return false
		}
	}
	return true
}

// until waits for something that Kubernetes does by itself.
func (b *bench) until(what string, good func() bool) {
	b.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(clustertest.Glance)
	defer tick.Stop()
	for !good() {
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("waiting until %s: still %s", what, words(b.observe()))
		}
	}
}

func (b *bench) get() *appsv1.DaemonSet {
	b.t.Helper()
	var s appsv1.DaemonSet
	if err := b.writes.Get(b.t.Context(), b.key, &s); err != nil {
		b.t.Fatal(err)
	}
	return &s
}

// quiet checks that the same order sends nothing.
func (b *bench) quiet(want wish) {
	b.t.Helper()
	before := b.writes.sent
	for range 3 {
		if err := b.daemons.Apply(b.t.Context(), b.target, b.order(want)); err != nil {
			b.t.Fatal(err)
		}
	}
	if n := b.writes.sent - before; n != 0 {
		b.t.Fatalf("an order that stands was sent to the API server %d times", n)
	}
}

// who maps instances to revisions.
func (b *bench) who() map[string]plan.Revision {
	who := map[string]plan.Revision{}
	for _, p := range b.observe() {
		for _, e := range p.Endpoints {
			who[e.Instance] = p.Revision
		}
	}
	return who
}

func (b *bench) settled() bool { s := b.get(); return s.Status.ObservedGeneration == s.Generation }

// begin has v1 run on every node, held.
func (b *bench) begin(n int, change ...func(*appsv1.DaemonSet)) plan.Revision {
	b.t.Helper()
	v1 := b.write("v1", change...)
	b.until("it knows its nodes", func() bool { return int(b.get().Status.DesiredNumberScheduled) == n })
	b.reach(wish{v1: n})
	b.quiet(wish{v1: n})
	return v1
}

// On the node of the cluster, with pods that run.
func TestOnOneNode(t *testing.T) {
	b := newBench(t, kubelets)
	v1 := b.begin(1)
	before := b.who()
	v2 := b.write("v2")
	b.until("Kubernetes has seen the template", b.settled)
	b.quiet(wish{v1: 1})
	if after := b.who(); !maps.Equal(before, after) {
		t.Fatalf("a changed template was rolled out though held: %v, before %v", after, before)
	}
	b.reach(wish{v1: 0, v2: 1})
	b.quiet(wish{v2: 1})
	b.reach(wish{v1: 1, v2: 0})
	if d := b.describe(); d.Revision != v2 {
		t.Errorf("asked for is %s, want %s", d.Revision, v2)
	}
	b.reach(wish{v2: 1}) // a retry
	if s := b.get(); s.Spec.Template.Spec.Containers[0].Image != "registry.local/podinfo:v2" {
		t.Errorf("the template is %v", s.Spec.Template.Spec.Containers)
	}
	bad := b.write("none")
	b.until("the bad one says what is wrong", func() bool {
		if err := b.daemons.Apply(t.Context(), b.target, b.order(wish{bad: 1})); err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(b.observe(), func(p plan.Pool) bool {
			return p.Revision == bad && strings.Contains(p.Trouble, "podinfo:none")
		})
	})
	b.reach(wish{v2: 1})
}

func TestBatchesOverNodes(t *testing.T) {
	nodes := newNodes(t, 3)
	b := newBench(t, nodes.labels)
	nodes.run(b.key.Namespace)
	v1 := b.begin(3, func(d *appsv1.DaemonSet) {
		c := &d.Spec.Template.Spec.Containers[0]
		c.Env = append(c.Env, corev1.EnvVar{Name: "OLD", Value: "1"})
	})
	v2 := b.write("v2", func(d *appsv1.DaemonSet) {
		c := &d.Spec.Template.Spec.Containers[0]
		c.Env = append(c.Env, corev1.EnvVar{Name: "NEW", Value: "1"})
	})
	for k := 1; k <= 2; k++ {
		if worst := b.reach(wish{v1: 3 - k, v2: k}); worst < 2 {
			t.Errorf("batch %d: only %d pods were ready at a time", k, worst)
		}
		b.quiet(wish{v1: 3 - k, v2: k})
	}
	nodes.add() // a node that joins gets what the template says, and what is too many goes back
	b.until("it knows the new node", func() bool { return b.get().Status.DesiredNumberScheduled == 4 })
	b.reach(wish{v1: 2, v2: 2})
	if worst := b.reach(wish{v1: 4, v2: 0}); worst < 3 {
		t.Errorf("going back: only %d pods were ready at a time", worst)
	}
	b.quiet(wish{v1: 4})
	if env := b.get().Spec.Template.Spec.Containers[0].Env; len(env) != 2 || env[1].Name != "OLD" {
		t.Errorf("the old template was put back with %v", env)
	}
	nodes.add() // when all is idle, a node that joins gets what is stable
	b.until("the new node has the old revision", func() bool { return stands(b.observe(), wish{v1: 5}) })
	b.quiet(wish{v1: 5})
	if d := b.describe(); d.Revision != v2 {
		t.Errorf("asked for is %s, want the rejected %s", d.Revision, v2)
	}
	v3 := b.write("v2")
	if env := b.get().Spec.Template.Spec.Containers[0].Env; len(env) != 1 || v3 == v2 || v3 == v1 {
		t.Errorf("something of an earlier template stayed: %v, revision %s", env, v3)
	}
	b.reach(wish{v3: 5})
	b.quiet(wish{v3: 5})
}

func TestEjected(t *testing.T) {
	b := newBench(t, kubelets)
	v1 := b.begin(1)
	b.write("v2") // never released
	before := b.who()
	for range 2 {
		err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { // the finalizer tries again, too
			return b.daemons.Eject(t.Context(), b.target, v1)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := b.get()
	if s.Annotations[cluster.HeldAnnotation] != "" || s.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType {
		t.Errorf("still held: %v, %v", s.Annotations, s.Spec.UpdateStrategy)
	}
	for _, m := range s.ManagedFields {
		if m.Manager == cluster.Manager {
			t.Errorf("serin still owns %s", m.FieldsV1)
		}
	}
	b.until("Kubernetes has seen it", b.settled)
	if after := b.who(); !maps.Equal(before, after) {
		t.Errorf("pods were replaced: %v, before %v", after, before)
	}
}

// What `kubectl apply` writes client-side is put back with what it believes to have written.
func TestPutBackUnderKubectl(t *testing.T) {
	b := newBench(t, kubelets)
	v1 := b.begin(1)
	set := b.get()
	last := `{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"agent"},"spec":{"template":{}}}`
	set.Annotations[corev1.LastAppliedConfigAnnotation] = last
	set.Spec.Template.Spec.Containers[0].Env[0].Value = "by hand"
	if err := b.writes.Client.Update(t.Context(), set, client.FieldOwner("kubectl-client-side-apply")); err != nil {
		t.Fatal(err)
	}
	v2 := b.describe().Revision
	b.reach(wish{v2: 1, v1: 0})
	b.reach(wish{v1: 1, v2: 0})
	set = b.get()
	if env := set.Spec.Template.Spec.Containers[0].Env; len(env) != 1 || env[0].Value != "v1" {
		t.Errorf("put back with %v", env)
	}
	for _, m := range set.ManagedFields {
		if m.Manager == cluster.Manager && strings.Contains(m.FieldsV1.GetRawString(), "f:template") {
			t.Errorf("serin owns the template: %s", m.FieldsV1.GetRawString())
		}
	}
}

func trouble(pools []plan.Pool) string {
	text := "no trouble"
	for _, p := range pools {
		if p.Trouble != "" {
			text = p.Trouble
		}
	}
	return text
}
