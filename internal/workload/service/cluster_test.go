package service

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

const patience = 2 * time.Minute

// A bench is a namespace with two Deployments and two Services, as in many a tutorial.
type bench struct {
	t         *testing.T
	a         *cluster.Access
	pairs     *Pairs
	namespace string
	target    string
	templates map[plan.Revision]json.RawMessage
}

func newBench(t *testing.T) *bench {
	a, namespace := clustertest.New(t, clientscheme.Scheme)
	b := &bench{
		t: t, a: a, namespace: namespace, target: "Service/" + namespace + "/web-v1",
		pairs: New(workload.Env{Cluster: a}), templates: map[plan.Revision]json.RawMessage{},
	}
	for _, name := range []string{"web-v1", "web-v2"} {
		b.create(&corev1.Service{ObjectMeta: b.meta(name), Spec: corev1.ServiceSpec{
			Selector: marks(name), Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(9898)}},
		}})
	}
	return b
}

func marks(name string) map[string]string { return map[string]string{"app": "web", "version": name} }

func (b *bench) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: b.namespace}
}

func (b *bench) create(o client.Object) {
	b.t.Helper()
	if err := b.a.Create(b.t.Context(), o); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) deploy(name, tag string, replicas int32) {
	b.t.Helper()
	probe := &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromInt32(9898)}}}
	grace := int64(1)
	b.create(&appsv1.Deployment{ObjectMeta: b.meta(name), Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: marks(name)},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: marks(name)}, Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: &grace,
			Containers: []corev1.Container{{Name: "web", Image: "registry.local/podinfo:" + tag, ReadinessProbe: probe,
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 9898}}}},
		}},
	}})
}

func (b *bench) patch(name, patch string) {
	b.t.Helper()
	d := &appsv1.Deployment{ObjectMeta: b.meta(name)}
	if err := b.a.Patch(b.t.Context(), d, client.RawPatch(types.StrategicMergePatchType, []byte(patch))); err != nil {
		b.t.Fatal(err)
	}
}

// describe asks what is to be released, given what is stable.
func (b *bench) describe(stable plan.Revision) workload.Description {
	b.t.Helper()
	d, err := b.pairs.DescribePair(b.t.Context(), b.target, "web-v2", b.templates[stable])
	if err != nil {
		b.t.Fatal(err)
	}
	b.templates[d.Revision] = d.Template
	return d
}

func (b *bench) apply(want map[plan.Revision]int) {
	b.t.Helper()
	var o workload.Order
	for r, n := range want {
		o.Pools = append(o.Pools, workload.PoolOrder{Pool: plan.PoolName(r), Revision: r, Template: b.templates[r], Replicas: n})
	}
	if err := b.pairs.Apply(b.t.Context(), b.target, o); err != nil {
		b.t.Fatal(err)
	}
}

// until waits until a pool of the revision is fully ready behind a Service.
func (b *bench) until(revision plan.Revision, service string, updated int) plan.Pool {
	b.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(clustertest.Glance)
	defer tick.Stop()
	for {
		pools, err := b.pairs.Observe(b.t.Context(), b.target)
		if err != nil {
			b.t.Fatal(err)
		}
		i := slices.IndexFunc(pools, func(p plan.Pool) bool {
			return p.Revision == revision && p.Service == service && p.Updated == updated && len(p.Endpoints) > 0
		})
		if i >= 0 {
			return pools[i]
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("waiting for %s behind %s: still %+v", revision, service, pools)
		}
	}
}

func TestThePairTakesTurns(t *testing.T) {
	b := newBench(t)
	b.deploy("web-v1", "v1", 2)
	r1 := b.describe("").Revision
	if d := b.describe(r1); d.Revision != r1 || d.Replicas != 2 {
		t.Fatalf("nothing stands behind the other one, and %+v is to be released", d)
	}
	b.apply(map[plan.Revision]int{r1: 2})
	b.until(r1, "web-v1", 2)

	b.deploy("web-v2", "v2", 1)
	d := b.describe(r1)
	r2 := d.Revision
	if r2 == r1 || d.Replicas != 2 {
		t.Fatalf("got %+v, stable is %s", d, r1)
	}
	b.apply(map[plan.Revision]int{r1: 2, r2: 2})
	b.until(r1, "web-v1", 2)
	b.until(r2, "web-v2", 2)

	// Restarted and scaled by its user, it is the same.
	b.patch("web-v2", `{"spec":{"replicas":3}}`)
	if again := b.describe(r1).Revision; again != r2 {
		t.Errorf("scaled: %s, before %s", again, r2)
	}
	if err := b.a.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(b.namespace), client.MatchingLabels(marks("web-v2"))); err != nil {
		t.Fatal(err)
	}
	b.until(r2, "web-v2", 2)

	// Another serin goes on after it was told what is stable.
	b.pairs = New(workload.Env{Cluster: b.a})
	b.describe(r1)
	b.until(r2, "web-v2", 2)

	// Promoted: the other one is idle now, and whatever is deployed behind it comes next.
	b.apply(map[plan.Revision]int{r1: 0, r2: 3})
	pools, err := b.pairs.Observe(t.Context(), b.target)
	if err != nil || len(pools) != 1 || pools[0].Service != "web-v2" {
		t.Fatalf("got %+v, %v", pools, err)
	}
	if d := b.describe(r2); d.Revision != r1 || d.Replicas != 3 {
		t.Errorf("the idle one still has %s, got %+v", r1, d)
	}
	b.patch("web-v1", fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"built":%q}}}}}`, "again"))
	r3 := b.describe(r2).Revision
	if r3 == r1 || r3 == r2 {
		t.Fatalf("a changed template is %s", r3)
	}
	b.apply(map[plan.Revision]int{r2: 3, r3: 3})
	if p := b.until(r3, "web-v1", 3); p.Trouble != "" {
		t.Errorf("trouble %s", p.Trouble)
	}

	// Changed once more in the middle: nothing of it is what was ordered.
	b.patch("web-v1", `{"spec":{"template":{"metadata":{"annotations":{"built":"once more"}}}}}`)
	b.until(r3, "web-v1", 0)
	if r4 := b.describe(r2).Revision; r4 == r3 {
		t.Error("the change is not seen")
	}
}

func TestWhatCannotBeReleased(t *testing.T) {
	b := newBench(t)
	b.create(&corev1.Service{ObjectMeta: b.meta("outside"), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "example.com"}})
	for _, c := range []struct{ reason, target, canary, want string }{
		{"nothing stands behind it", b.target, "web-v2", cluster.TargetUnfit},
		{"no Service", "Service/" + b.namespace + "/nobody", "web-v2", cluster.TargetNotFound},
		{"no other Service", b.target, "nobody", cluster.TargetNotFound},
		{"a Service that selects nothing", "Service/" + b.namespace + "/outside", "web-v2", cluster.TargetUnfit},
	} {
		_, err := b.pairs.DescribePair(t.Context(), c.target, c.canary, nil)
		if p, ok := cluster.AsProblem(err); !ok || p.Reason != c.want || p.Remedy == "" {
			t.Errorf("%s: got %v", c.reason, err)
		}
	}
	_, err := b.pairs.Describe(t.Context(), b.target)
	if p, ok := cluster.AsProblem(err); !ok || p.Reason != cluster.TargetUnfit {
		t.Errorf("one Service alone: got %v", err)
	}
}

func TestChangesConcernTheirServices(t *testing.T) {
	b := newBench(t)
	b.deploy("web-v2", "v2", 0)
	d := &appsv1.Deployment{}
	if err := b.a.Get(t.Context(), types.NamespacedName{Namespace: b.namespace, Name: "web-v2"}, d); err != nil {
		t.Fatal(err)
	}
	if got := selecting(t.Context(), b.a, d); !slices.Equal(got, []string{"Service/" + b.namespace + "/web-v2"}) {
		t.Errorf("got %v", got)
	}
}
