package istio

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/router/conformance"
)

const simple = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout}
spec:
  hosts: [checkout]
  http:
  - name: main
    route: [{destination: {host: checkout}}]
`

// named is a router that is told Services, as the controller does.
type named struct{ *Router }

func (n named) Apply(ctx context.Context, target string, o router.Order) error {
	o.Services = map[plan.TrackName]string{plan.Stable: "checkout", plan.Canary: "checkout-canary"}
	return n.Router.Apply(ctx, target, o)
}

// A mesh is a namespace of a real API server that knows Istio's kinds.
type mesh struct {
	*cluster.Access
	t         *testing.T
	namespace string
}

func newMesh(t *testing.T) mesh {
	t.Helper()
	a, namespace := clustertest.New(t, clientgoscheme.Scheme)
	m := mesh{a, t, namespace}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(empty("VirtualServiceList").GroupVersionKind())
	if err := a.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
		t.Skipf("NOT RUN: the cluster has no Istio (`bin/cluster up --with istio`): %v", err)
	}
	return m
}

func (m mesh) target() string { return "Deployment/" + m.namespace + "/checkout" }

// apply is what a user or Git does: server-side apply.
func (m mesh) apply(text, manager string) error {
	m.t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{}}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		m.t.Fatal(err)
	}
	o.SetNamespace(m.namespace)
	return m.Client.Apply(m.t.Context(), client.ApplyConfigurationFromUnstructured(wire(m.t, o)), client.FieldOwner(manager))
}

func (m mesh) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m mesh) read(name string) *unstructured.Unstructured {
	m.t.Helper()
	vs := empty("VirtualService")
	m.must(m.Live.Get(m.t.Context(), types.NamespacedName{Namespace: m.namespace, Name: name}, vs))
	return vs
}

func (m mesh) order(r router.Router, with string, t plan.Traffic) error {
	return r.Apply(m.t.Context(), m.target(), router.Order{With: json.RawMessage(with), Traffic: t})
}

func split90() plan.Traffic {
	return plan.Traffic{Shares: plan.Shares{plan.Stable: 900, plan.Canary: 100}}
}

func all() plan.Traffic { return plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole}} }

func TestConformance(t *testing.T) {
	m := newMesh(t)
	conformance.Run(t, conformance.Subject{
		Driver: Driver, Target: m.target(), With: json.RawMessage(`{"settle":"50ms"}`),
		New: func(t *testing.T) router.Router {
			vs := empty("VirtualService")
			vs.SetNamespace(m.namespace)
			vs.SetName("checkout")
			if err := m.Delete(t.Context(), vs); err != nil && !apierrors.IsNotFound(err) {
				t.Fatal(err)
			}
			m.must(m.apply(simple, "kubectl"))
			return named{New(m.Access)}
		},
		Refused: map[string]json.RawMessage{
			"colour":          json.RawMessage(`{"colour":"yellow"}`),
			"mode":            json.RawMessage(`{"mode":"endpoints"}`),
			"protocol":        json.RawMessage(`{"protocol":"udp"}`),
			"virtualService":  json.RawMessage(`{"virtualService":"a/b"}`),
			"routes[1]":       json.RawMessage(`{"routes":["a","a"]}`),
			"settle":          json.RawMessage(`{"settle":"-1s"}`),
			"destinationRule": json.RawMessage(`{"destinationRule":{"subsets":{"stable":"v1"}}}`),
			"hosts":           json.RawMessage(`{"hosts":["shop.example.com"]}`),
			"routes":          json.RawMessage(`{"mode":"own","routes":["a"]}`),
			"port":            json.RawMessage(`{"mode":"own","port":70000}`),
		},
	})
}

// What the user wrote, and who owns it, is handed back; the user's next apply meets no conflict.
func TestHandingBack(t *testing.T) {
	m := newMesh(t)
	m.must(m.apply(simple, "gitops"))
	before := m.read("checkout")
	r := named{New(m.Access)}
	m.must(m.order(r, "", split90()))
	held := m.read("checkout")
	if same(before.Object["spec"], held.Object["spec"]) || held.GetAnnotations()[cluster.TrafficAnnotation] == "" {
		t.Fatalf("nothing was ordered: %v", held.Object)
	}
	m.must(m.order(r, "", all()))
	after := m.read("checkout")
	if !same(before.Object["spec"], after.Object["spec"]) || len(after.GetAnnotations()) > 0 {
		t.Errorf("handed back %v with %v, want %v", after.Object["spec"], after.GetAnnotations(), before.Object["spec"])
	}
	for _, e := range after.GetManagedFields() {
		if e.Manager == cluster.TrafficManager {
			t.Errorf("serin still owns %s", e.FieldsV1.GetRawString())
		}
	}
	m.must(m.apply(simple+"    timeout: 5s\n", "gitops"))
	if changed := m.read("checkout"); changed.GetGeneration() != after.GetGeneration()+1 {
		t.Error("the user's next apply changed nothing")
	}
}

// Git takes the routes by force in the middle of a release: its changes stand, and the order stands again after the next round.
func TestGitInTheMiddle(t *testing.T) {
	m := newMesh(t)
	m.must(m.apply(simple, "gitops"))
	r := named{New(m.Access)}
	m.must(m.order(r, "", split90()))
	changed := &unstructured.Unstructured{Object: map[string]any{}}
	m.must(yaml.Unmarshal([]byte(simple+"    timeout: 5s\n"), &changed.Object))
	changed.SetNamespace(m.namespace)
	m.must(m.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(wire(t, changed)), client.FieldOwner("gitops"), client.ForceOwnership))
	seen, err := r.Observe(t.Context(), m.target())
	m.must(err)
	if !seen.Traffic.Equal(all()) {
		t.Errorf("Git has all on stable, observed %+v", seen.Traffic)
	}
	m.must(m.order(r, "", split90()))
	seen, err = r.Observe(t.Context(), m.target())
	m.must(err)
	if !seen.Traffic.Equal(split90()) {
		t.Errorf("ordered again, observed %+v", seen.Traffic)
	}
	m.must(r.Restore(t.Context(), m.target()))
	if spec := m.read("checkout").Object["spec"]; !same(spec, wire(t, changed).Object["spec"]) {
		t.Errorf("handed back %v", spec)
	}
}

// A new process knows what the old one ordered.
func TestAnotherProcessGoesOn(t *testing.T) {
	m := newMesh(t)
	m.must(m.apply(simple, "gitops"))
	m.must(m.order(named{New(m.Access)}, "", split90()))
	generation := m.read("checkout").GetGeneration()
	next := named{New(m.Access)}
	if seen, err := next.Observe(t.Context(), m.target()); err != nil || !seen.Traffic.Equal(split90()) {
		t.Errorf("observed %+v, %v", seen, err)
	}
	m.must(m.order(next, "", split90()))
	if g := m.read("checkout").GetGeneration(); g != generation {
		t.Error("the same order was written again")
	}
	m.must(next.Restore(t.Context(), m.target()))
}

// A cache that lags behind must not bring the past back.
func TestLaggingCache(t *testing.T) {
	m := newMesh(t)
	m.must(m.apply(simple, "gitops"))
	old := m.read("checkout")
	access := *m.Access
	lagging := &lag{Client: m.Client, vs: old}
	access.Client = lagging
	r := named{New(&access)}
	m.must(m.order(r, "", split90()))
	if seen, err := r.Observe(t.Context(), m.target()); err != nil || !seen.Traffic.Equal(split90()) {
		t.Errorf("observed %+v, %v", seen, err)
	}
	m.must(m.order(r, "", all()))
	if seen, err := r.Observe(t.Context(), m.target()); err != nil || !seen.Traffic.Equal(all()) {
		t.Errorf("observed %+v, %v", seen, err)
	}
	lagging.vs = nil // it has caught up
	if seen, err := r.Observe(t.Context(), m.target()); err != nil || !seen.Traffic.Equal(all()) {
		t.Errorf("observed %+v, %v", seen, err)
	}
}

// lag reads one VirtualService as it was.
type lag struct {
	client.Client
	vs *unstructured.Unstructured
}

func (l *lag) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if vs, ok := o.(*unstructured.Unstructured); ok && l.vs != nil && key.Name == l.vs.GetName() {
		l.vs.DeepCopyInto(vs)
		return nil
	}
	return l.Client.Get(ctx, key, o, opts...)
}

func TestProblems(t *testing.T) {
	m := newMesh(t)
	r := named{New(m.Access)}
	problem := func(err error, reason, name string) {
		t.Helper()
		if p, ok := cluster.AsProblem(err); !ok || p.Reason != reason || p.Field != name {
			t.Errorf("got %v, want %s at %s", err, reason, name)
		}
	}
	problem(m.order(r, "", split90()), cluster.RouteNotFound, field("virtualService"))
	m.must(m.apply(simple, "gitops"))
	problem(m.order(r, `{"destinationRule":{"name":"checkout","subsets":{"stable":"v1","canary":"v2"}}}`, split90()),
		cluster.RouteUnfit, field("routes"))
	m.must(m.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout}
spec:
  hosts: [checkout]
  http: [{route: [{destination: {host: checkout, subset: v1}}]}]
`, "gitops"))
	withRule := `{"destinationRule":{"name":"checkout","subsets":{"stable":"v1","canary":"v2"}}}`
	problem(m.order(r, withRule, split90()), cluster.RouteNotFound, field("destinationRule.name"))
	m.must(m.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: checkout}
spec: {host: checkout, subsets: [{name: v1, labels: {version: v1}}]}
`, "gitops"))
	problem(m.order(r, withRule, split90()), cluster.RouteUnfit, field("destinationRule.subsets.canary"))
	m.must(m.apply(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: checkout
  ownerReferences: [{apiVersion: flagger.app/v1beta1, kind: Canary, name: checkout, uid: 3e8b6f6c-3a5f-4c26-8f40-6b1c5a3f9a11}]
spec:
  hosts: [checkout]
`, "flagger"))
	problem(m.order(r, "", split90()), cluster.RouteTaken, field("virtualService"))
}

// A VirtualService of serin's own comes with the first order, and stays.
func TestOwn(t *testing.T) {
	m := newMesh(t)
	r := named{New(m.Access)}
	with := `{"mode":"own","hosts":["checkout.` + m.namespace + `.svc.cluster.local"],"settle":"0s"}`
	m.must(m.order(r, with, split90()))
	seen, err := r.Observe(t.Context(), m.target())
	if err != nil || seen.Pending != "" || !seen.Traffic.Equal(split90()) {
		t.Errorf("observed %+v, %v", seen, err)
	}
	m.must(r.Restore(t.Context(), m.target()))
	c := newCompass(m.namespace, map[plan.TrackName]string{plan.Stable: "checkout"}, Settings{})
	routes, err := sections(m.read("checkout-serin"))
	m.must(err)
	if shares, ok := c.shares(routes[http][0]); !ok || shares[plan.Stable] != plan.Whole || len(routes[http]) != 1 {
		t.Errorf("after restore: %v", routes)
	}
	m.must(m.order(r, with, split90()))
	m.must(m.order(r, with, all()))
	if seen, err := r.Observe(t.Context(), m.target()); err != nil || !seen.Traffic.Equal(all()) {
		t.Errorf("observed %+v, %v", seen, err)
	}
}

// Subsets of serin's own, on an API server that checks them: before the routes, which wait, and gone after them.
func TestOwnSubsets(t *testing.T) {
	m := newMesh(t)
	m.twoVersions()
	now := time.Now()
	access := *m.Access
	access.Now = func() time.Time { return now }
	r := New(&access)
	order := func(with string, traffic plan.Traffic) {
		t.Helper()
		m.must(r.Apply(t.Context(), m.target(), router.Order{
			With: json.RawMessage(with), Traffic: traffic, Services: map[plan.TrackName]string{plan.Stable: "checkout"},
		}))
	}
	order(ownSubsets, split90())
	rule := empty("DestinationRule")
	at := types.NamespacedName{Namespace: m.namespace, Name: "checkout-serin"}
	m.must(m.Live.Get(t.Context(), at, rule))
	if err := m.Live.Get(t.Context(), at, empty("VirtualService")); !apierrors.IsNotFound(err) {
		t.Errorf("routes came with the subsets: %v", err)
	}
	now = now.Add(2 * time.Second)
	order(ownSubsets, split90())
	now = now.Add(2 * time.Second)
	if seen, err := r.Observe(t.Context(), m.target()); err != nil || seen.Pending != "" || !seen.Traffic.Equal(split90()) {
		t.Errorf("observed %+v, %v", seen, err)
	}
	order(`{"mode":"own","delegate":true}`, all())
	m.must(m.Live.Get(t.Context(), at, rule)) // proxies may still know the routes that name its subsets
	if hosts, there, _ := unstructured.NestedSlice(m.read("checkout-serin").Object, "spec", "hosts"); there {
		t.Errorf("a delegate has hosts: %v", hosts)
	}
	now = now.Add(2 * time.Second)
	order(`{"mode":"own","delegate":true}`, all())
	if err := m.Live.Get(t.Context(), at, rule); !apierrors.IsNotFound(err) {
		t.Errorf("nobody names the subsets, and they are still there: %v", err)
	}
}

const ownSubsets = `{"mode":"own","destinationRule":{"labels":{"stable":{"version":"v1"},"canary":{"version":"v2"}}}}`

// twoVersions is a Service with pods of both versions, which nobody runs.
func (m mesh) twoVersions() {
	m.t.Helper()
	m.must(m.apply(fmt.Sprintf(services, "checkout", "checkout"), "gitops"))
	for _, version := range []string{"v1", "v2"} {
		m.must(m.apply(`
apiVersion: v1
kind: Pod
metadata: {name: checkout-`+version+`, labels: {app: checkout, version: `+version+`}}
spec:
  schedulerName: nobody
  containers: [{name: app, image: none}]
`, "gitops"))
	}
}
