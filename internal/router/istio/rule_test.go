package istio

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// A yard is a router before an API server in memory, and a clock that stands still.
type yard struct {
	*testing.T
	client client.Client
	router *Router
	now    time.Time
}

func newYard(t *testing.T) *yard {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"VirtualService", "DestinationRule"} {
		scheme.AddKnownTypeWithName(kindOf(kind), &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(kindOf(kind+"List"), &unstructured.UnstructuredList{})
	}
	y := &yard{T: t, client: fake.NewClientBuilder().WithScheme(scheme).Build(), now: time.Unix(1e9, 0)}
	y.router = New(&cluster.Access{Client: y.client, Live: y.client, Now: func() time.Time { return y.now }})
	y.create(&corev1.Service{ObjectMeta: meta("checkout", nil), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "checkout"}}})
	return y
}

func meta(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: labels}
}

func (y *yard) create(o client.Object) {
	y.Helper()
	if err := y.client.Create(y.Context(), o); err != nil {
		y.Fatal(err)
	}
}

func (y *yard) order(with string, canary plan.Share) error {
	return y.router.Apply(y.Context(), target, router.Order{
		With: json.RawMessage(with), Services: map[plan.TrackName]string{plan.Stable: "checkout", plan.Canary: "checkout-canary"},
		Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}},
	})
}

// state says which subsets there are, and where requests go.
func (y *yard) state() string {
	y.Helper()
	read := func(kind string) *unstructured.Unstructured {
		o := hands.Empty(kindOf(kind), types.NamespacedName{Namespace: "shop", Name: "checkout-serin"})
		if err := y.client.Get(y.Context(), client.ObjectKeyFromObject(o), o); apierrors.IsNotFound(err) {
			return nil
		} else if err != nil {
			y.Fatal(err)
		}
		return o
	}
	words := []string{"subsets"}
	if dr := read("DestinationRule"); dr != nil {
		list, _, _ := unstructured.NestedSlice(dr.Object, "spec", "subsets")
		for _, item := range list {
			words = append(words, fmt.Sprint(item.(map[string]any)["name"]))
		}
	}
	words = append(words, "routes")
	if vs := read("VirtualService"); vs != nil {
		all, err := sections(vs)
		if err != nil {
			y.Fatal(err)
		}
		for _, d := range all[http][0].destinations() {
			words = append(words, strings.ReplaceAll(describe(d["destination"].(map[string]any)), " subset ", "/")+fmt.Sprint(":", d["weight"]))
		}
	}
	return strings.Join(words, " ")
}

// Requests never go to a subset that proxies may not know: it comes before the routes and goes after them.
func TestSubsetsComeBeforeRoutesAndGoAfterThem(t *testing.T) {
	y := newYard(t)
	for _, version := range []string{"v1", "v2"} {
		y.create(&corev1.Pod{ObjectMeta: meta("checkout-"+version, map[string]string{"app": "checkout", "version": version})})
	}
	rule := func(canary string) string {
		return `{"mode":"own","destinationRule":{"subsets":{"canary":"` + canary + `"},"labels":{"stable":{"version":"v1"},"canary":{"version":"v2"}}}}`
	}
	for _, step := range []struct {
		reason, with string
		canary       plan.Share
		wait         time.Duration
		want         string
	}{
		{"the subsets alone", rule("canary"), 100, 0, "subsets canary stable routes"},
		{"proxies may not know them yet", rule("canary"), 100, 1999 * time.Millisecond, "subsets canary stable routes"},
		{"now they do", rule("canary"), 100, time.Millisecond, "subsets canary stable routes checkout/stable:90 checkout/canary:10"},
		{"a weight is the routes' alone", rule("canary"), 500, 0, "subsets canary stable routes checkout/stable:50 checkout/canary:50"},
		{"another name comes beside the first", rule("next"), 500, time.Minute, "subsets next stable canary routes checkout/stable:50 checkout/canary:50"},
		{"the routes follow", rule("next"), 500, 2 * time.Second, "subsets next stable canary routes checkout/stable:50 checkout/next:50"},
		{"the first stays while proxies may know it", rule("next"), 500, time.Second, "subsets next stable canary routes checkout/stable:50 checkout/next:50"},
		{"and goes", rule("next"), 500, time.Second, "subsets next stable routes checkout/stable:50 checkout/next:50"},
		{"back", rule("next"), 0, time.Minute, "subsets next stable routes checkout/stable:<nil>"},
		{"without subsets the routes change first", `{"mode":"own"}`, 0, time.Minute, "subsets stable routes checkout:<nil>"},
		{"then the subsets go", `{"mode":"own"}`, 0, 2 * time.Second, "subsets routes checkout:<nil>"},
	} {
		y.now = y.now.Add(step.wait)
		if err := y.order(step.with, step.canary); err != nil {
			t.Fatalf("%s: %v", step.reason, err)
		}
		if got := y.state(); got != step.want {
			t.Fatalf("%s: %s, want %s", step.reason, got, step.want)
		}
	}
}

func TestASubsetWithoutPodsGetsNothing(t *testing.T) {
	y := newYard(t)
	with := `{"mode":"own","destinationRule":{"labels":{"stable":{"version":"v1"}}},"settle":"0s"}`
	refused := func(field, reason string, canary plan.Share) {
		t.Helper()
		p, ok := cluster.AsProblem(y.order(with, canary))
		if !ok || p.Reason != cluster.TargetUnfit || !strings.HasSuffix(p.Field, field) {
			t.Errorf("%s: got %v", reason, p)
		}
	}
	refused("labels.stable", "nobody is stable", 0)
	y.create(&corev1.Pod{ObjectMeta: meta("a", map[string]string{"app": "checkout", "version": "v1"})})
	y.create(&corev1.Pod{ObjectMeta: meta("b", map[string]string{"app": "other", "serin.dev/track": "canary"})})
	if err := y.order(with, 0); err != nil {
		t.Errorf("stable has a pod: %v", err)
	}
	refused("labels.canary", "the canary's pod is not the Service's", 100)
	y.create(&corev1.Pod{ObjectMeta: meta("c", map[string]string{"app": "checkout", "serin.dev/track": "canary"})})
	if err := y.order(with, 100); err != nil {
		t.Errorf("the canary has a pod: %v", err)
	}
	if seen, err := y.router.Observe(t.Context(), target); err != nil || seen.Pending != "" || seen.Traffic.Shares[plan.Canary] != 100 {
		t.Errorf("observed %+v, %v", seen, err)
	}
}

func TestOwnWithoutSubsets(t *testing.T) {
	y := newYard(t)
	if err := y.order(`{"mode":"own"}`, 100); err != nil {
		t.Fatal(err)
	}
	if got, want := y.state(), "subsets routes checkout:90 checkout-canary:10"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSomebodyElsesDestinationRuleIsLeftAlone(t *testing.T) {
	y := newYard(t)
	theirs := hands.Empty(destinationRule, types.NamespacedName{Namespace: "shop", Name: "checkout-serin"})
	y.create(theirs)
	if p, ok := cluster.AsProblem(y.order(`{"mode":"own","destinationRule":{}}`, 0)); !ok || p.Reason != cluster.RouteTaken {
		t.Errorf("got %v", p)
	}
	if err := y.order(`{"mode":"own"}`, 0); err != nil {
		t.Errorf("nobody asks for subsets: %v", err)
	}
}
