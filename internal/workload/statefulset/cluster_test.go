package statefulset

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
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
	"serin.dev/serin/internal/cluster/held"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
	"serin.dev/serin/internal/workload/batch"
)

// patience bounds every wait for the cluster.
const patience = 3 * time.Minute

const size = 3

// A bench is a StatefulSet on the real cluster, as its user and as serin see it.
type bench struct {
	t      *testing.T
	sets   *batch.Sets
	target string
	key    types.NamespacedName
	writes *counting
	policy appsv1.PodManagementPolicyType
	seen   map[plan.Revision]json.RawMessage // templates, as a record keeps them
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

func newBench(t *testing.T) *bench {
	t.Parallel()
	a, namespace := clustertest.New(t, clientscheme.Scheme)
	writes := &counting{Client: a.Client}
	a.Client = writes
	b := &bench{
		t: t, sets: New(workload.Env{Cluster: a}), target: "StatefulSet/" + namespace + "/db", writes: writes,
		key: types.NamespacedName{Namespace: namespace, Name: "db"}, seen: map[plan.Revision]json.RawMessage{},
	}
	return b
}

// write applies the user's StatefulSet as Git tools do: server-side, as the manager "git", by force.
func (b *bench) write(tag string, replicas int32, change ...func(*appsv1.StatefulSet)) plan.Revision {
	b.t.Helper()
	labels := map[string]string{"app": "db"}
	probe := &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromInt32(9898)}}}
	grace := int64(1)
	set := &appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: Kind},
		ObjectMeta: metav1.ObjectMeta{Name: b.key.Name, Namespace: b.key.Namespace},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &replicas, ServiceName: "db", PodManagementPolicy: b.policy, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: maps.Clone(labels)},
				Spec: corev1.PodSpec{TerminationGracePeriodSeconds: &grace, Containers: []corev1.Container{{
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
	d, err := b.sets.Describe(b.t.Context(), b.target)
	if err != nil {
		b.t.Fatal(err)
	}
	b.seen[d.Revision] = d.Template
	return d
}

type wish = map[plan.Revision]int

func (b *bench) order(want wish) workload.Order {
	o := workload.Order{Mingled: true, Owner: b.key.Namespace + "/db"}
	for r, n := range want {
		o.Pools = append(o.Pools, workload.PoolOrder{Pool: plan.PoolName(r), Revision: r, Template: b.seen[r], Replicas: n})
	}
	return o
}

func (b *bench) observe() []plan.Pool {
	b.t.Helper()
	pools, err := b.sets.Observe(b.t.Context(), b.target)
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
		if err := b.sets.Apply(b.t.Context(), b.target, b.order(want)); err != nil {
			b.t.Logf("tried again: %v", err)
		}
		pools := b.observe()
		ready, total := 0, 0
		for _, p := range pools {
			ready += p.Ready
			total += p.Wanted
		}
		worst = min(worst, ready)
		if total != int(*b.get().Spec.Replicas) {
			b.t.Fatalf("the pools together are asked to have %d: %s", total, words(pools))
		}
		if stands(pools, want) {
			return worst
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("waiting for %v: still %s, trouble %q", want, words(pools), pools[0].Trouble)
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

func (b *bench) get() *appsv1.StatefulSet {
	b.t.Helper()
	var s appsv1.StatefulSet
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
		if err := b.sets.Apply(b.t.Context(), b.target, b.order(want)); err != nil {
			b.t.Fatal(err)
		}
	}
	if n := b.writes.sent - before; n != 0 {
		b.t.Fatalf("an order that stands was sent to the API server %d times", n)
	}
}

// who maps ordinals to incarnations, by revision.
func (b *bench) who() map[string]plan.Revision {
	who := map[string]plan.Revision{}
	for _, p := range b.observe() {
		for _, e := range p.Endpoints {
			who[e.Instance] = p.Revision
		}
	}
	return who
}

func (b *bench) revisionOf(podName string) plan.Revision {
	for instance, r := range b.who() {
		if strings.HasPrefix(instance, podName+"@") {
			return r
		}
	}
	return ""
}

// begin has v1 run, held.
func (b *bench) begin(change ...func(*appsv1.StatefulSet)) plan.Revision {
	b.t.Helper()
	v1 := b.write("v1", size, change...)
	b.reach(wish{v1: size})
	b.until("Kubernetes has taken note", func() bool { return b.get().Status.CurrentRevision == b.get().Status.UpdateRevision })
	b.quiet(wish{v1: size})
	return v1
}

func TestBatchByBatchAndPromoted(t *testing.T) {
	b := newBench(t)
	v1 := b.begin()
	before := b.who()
	v2 := b.write("v2", size)
	if !strings.HasPrefix(string(v2), "v2-") || v1 == v2 {
		t.Fatalf("revisions %s and %s", v1, v2)
	}
	b.until("Kubernetes has seen the template", func() bool { s := b.get(); return s.Status.ObservedGeneration == s.Generation })
	b.quiet(wish{v1: size})
	if after := b.who(); !maps.Equal(before, after) {
		t.Fatalf("a changed template was rolled out though held: %v, before %v", after, before)
	}
	for k := 1; k < size; k++ {
		if worst := b.reach(wish{v1: size - k, v2: k}); worst < size-1 {
			t.Errorf("batch %d: only %d pods were ready at a time", k, worst)
		}
		b.quiet(wish{v1: size - k, v2: k})
		if r := b.revisionOf(fmt.Sprintf("db-%d", size-k)); r != v2 {
			t.Errorf("batch %d: ordinal %d runs %s", k, size-k, r)
		}
	}
	b.reach(wish{v2: size, v1: 0})
	b.until("it is held again", func() bool { b.reach(wish{v2: size}); return (&set{b.get()}).partition() == beyond })
	b.quiet(wish{v2: size})
	if s := b.get(); s.Status.CurrentRevision != s.Status.UpdateRevision {
		t.Errorf("current %s, update %s", s.Status.CurrentRevision, s.Status.UpdateRevision)
	}
}

func TestBackInTheMiddle(t *testing.T) {
	for _, policy := range []appsv1.PodManagementPolicyType{appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement} {
		t.Run(string(policy), func(t *testing.T) { backInTheMiddle(t, policy) })
	}
}

func backInTheMiddle(t *testing.T, policy appsv1.PodManagementPolicyType) {
	b := newBench(t)
	b.policy = policy
	v1 := b.begin()
	v2 := b.write("v2", size)
	b.reach(wish{v1: 1, v2: 2})
	first := b.revisionOf("db-0")
	if worst := b.reach(wish{v1: size, v2: 0}); worst < size-1 {
		t.Errorf("only %d pods were ready at a time", worst)
	}
	b.quiet(wish{v1: size})
	if first != v1 || b.describe().Revision != v2 {
		t.Errorf("db-0 ran %s; asked for is %s, want %s", first, b.describe().Revision, v2)
	}
	// A pod that comes new while all is held is of the old revision.
	if err := b.writes.Client.Delete(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: b.key.Namespace, Name: "db-2"}}); err != nil {
		t.Fatal(err)
	}
	b.until("db-2 is there again", func() bool { return stands(b.observe(), wish{v1: size}) })
}

// A canary that never gets ready blocks Kubernetes: under OrderedReady it would never be replaced by itself.
func TestBackFromPodsThatNeverGetReady(t *testing.T) {
	b := newBench(t)
	v1 := b.begin()
	bad := b.write("v2", size, func(s *appsv1.StatefulSet) {
		s.Spec.Template.Spec.Containers[0].ReadinessProbe.HTTPGet.Path = "/status/500"
	})
	b.until("the bad one runs and says why it is not ready", func() bool {
		if err := b.sets.Apply(t.Context(), b.target, b.order(wish{v1: 1, bad: 2})); err != nil {
			t.Fatal(err)
		}
		for _, p := range b.observe() {
			if p.Revision == bad && strings.Contains(p.Trouble, "readiness") {
				return true
			}
		}
		return false
	})
	b.reach(wish{v1: size, bad: 0})
}

func TestScaledWhileHeldAndDuringABatch(t *testing.T) {
	b := newBench(t)
	v1 := b.begin()
	v2 := b.write("v2", size+1)
	b.until("the additional pod is there", func() bool { return b.revisionOf("db-3") != "" })
	if r := b.revisionOf("db-3"); r != v1 {
		t.Fatalf("a pod added while held runs %s, want %s", r, v1)
	}
	b.reach(wish{v1: size, v2: 1})
	b.write("v2", size+2)
	b.reach(wish{v1: size + 1, v2: 1})
	if r := b.revisionOf("db-4"); r != v2 {
		t.Errorf("the highest ordinal runs %s, want %s", r, v2)
	}
	b.write("v2", size)
	b.reach(wish{v1: size - 1, v2: 1})
}

// Kubernetes takes the new revision for current once all pods have it; going back then puts the old template in its place,
// and what was asked for is put there again at the end, with nothing left over.
func TestBackAfterAllHadTheNewOne(t *testing.T) {
	b := newBench(t)
	v1 := b.begin(func(s *appsv1.StatefulSet) {
		c := &s.Spec.Template.Spec.Containers[0]
		c.Env = append(c.Env, corev1.EnvVar{Name: "OLD", Value: "1"})
	})
	v2 := b.write("v2", size, func(s *appsv1.StatefulSet) {
		c := &s.Spec.Template.Spec.Containers[0]
		c.Env = append(c.Env, corev1.EnvVar{Name: "NEW", Value: "1"})
	})
	b.reach(wish{v1: 0, v2: size})
	b.until("Kubernetes takes it for current", func() bool { s := b.get(); return s.Status.CurrentRevision == s.Status.UpdateRevision })
	b.reach(wish{v1: size, v2: 0})
	if d := b.describe(); d.Revision != v2 {
		t.Errorf("asked for is %s, want %s", d.Revision, v2)
	}
	b.until("what was asked for stands there again", func() bool {
		b.reach(wish{v1: size})
		s := b.get()
		return s.Annotations[held.AskedAnnotation] == "" && len(s.Spec.Template.Spec.Containers[0].Env) == 2 && s.Spec.Template.Spec.Containers[0].Env[1].Name == "NEW"
	})
	b.reach(wish{v1: size})
	b.quiet(wish{v1: size})
	if d := b.describe(); d.Revision != v2 {
		t.Errorf("asked for is %s, want %s", d.Revision, v2)
	}
	v3 := b.write("v1", size)
	if env := b.get().Spec.Template.Spec.Containers[0].Env; len(env) != 1 || v3 == v1 || v3 == v2 {
		t.Errorf("the user's next template has %v, revision %s", env, v3)
	}
}

func TestKeptPodsAreNotStopped(t *testing.T) {
	b := newBench(t)
	v1 := b.begin()
	v2 := b.write("v2", size)
	before := b.who()
	o := b.order(wish{v1: size - 1, v2: 1})
	o.Keep = map[string]bool{}
	for instance := range before {
		o.Keep[instance] = true
	}
	if err := b.sets.Apply(t.Context(), b.target, o); err != nil {
		t.Fatal(err)
	}
	if got := b.who(); len(got) != size-1 {
		t.Errorf("one leaves the endpoints, and only one: %v", got)
	}
	b.until("Kubernetes has seen the partition", func() bool { s := b.get(); return s.Status.ObservedGeneration == s.Generation })
	for _, p := range b.observe() {
		if p.Revision == v1 && p.Running != size {
			t.Errorf("a kept pod was stopped: %s", words(b.observe()))
		}
	}
	b.reach(wish{v1: size - 1, v2: 1})
}

func TestEjected(t *testing.T) {
	b := newBench(t)
	v1 := b.begin()
	b.write("v2", size) // never released
	before := b.who()
	for range 2 {
		err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { // the finalizer tries again, too
			return b.sets.Eject(t.Context(), b.target, v1)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := b.get()
	if s.Annotations[cluster.HeldAnnotation] != "" || (&set{s}).partition() != 0 {
		t.Errorf("still held: %v, partition %d", s.Annotations, (&set{s}).partition())
	}
	for _, m := range s.ManagedFields {
		if m.Manager == cluster.Manager {
			t.Errorf("serin still owns %s", m.FieldsV1)
		}
	}
	b.until("Kubernetes has seen it", func() bool { s := b.get(); return s.Status.ObservedGeneration == s.Generation })
	if after := b.who(); !maps.Equal(before, after) {
		t.Errorf("pods were replaced: %v, before %v", after, before)
	}
	b.write("v2", size)
	b.until("a new template rolls by itself", func() bool { return b.revisionOf("db-2") != v1 && b.revisionOf("db-2") != "" })
}

func TestWhatCannotBeReleased(t *testing.T) {
	b := newBench(t)
	if pools := b.observe(); len(pools) != 0 {
		t.Errorf("nobody runs %v", pools)
	}
	_, err := b.sets.Describe(t.Context(), b.target)
	if p, ok := cluster.AsProblem(err); !ok || p.Reason != cluster.TargetNotFound {
		t.Errorf("got %v", err)
	}
	v1 := b.write("v1", 0)
	if d := b.describe(); d.Replicas != 1 || d.Origin != "StatefulSet "+b.key.String() {
		t.Errorf("got %+v", d)
	}
	o := b.order(wish{v1: 1})
	if err := b.sets.Apply(t.Context(), b.target, o); err != nil {
		t.Fatal(err)
	}
	o.Owner = "other/canary"
	if p, ok := cluster.AsProblem(b.sets.Apply(t.Context(), b.target, o)); !ok || p.Reason != cluster.TargetTaken {
		t.Errorf("got %v", p)
	}
	if err := b.sets.Eject(t.Context(), b.target, v1); err != nil {
		t.Fatal(err)
	}
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}`))
	if err := b.writes.Client.Patch(t.Context(), b.get(), patch); err != nil {
		t.Fatal(err)
	}
	_, err = b.sets.Describe(t.Context(), b.target)
	if p, ok := cluster.AsProblem(err); !ok || p.Reason != cluster.TargetUnfit || p.Remedy == "" {
		t.Errorf("got %v", err)
	}
}
