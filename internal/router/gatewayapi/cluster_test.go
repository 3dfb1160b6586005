package gatewayapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// A site is a stage with a router, and a gateway controller that the test plays.
type site struct {
	*clustertest.Stage
	router *Router
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Stage: clustertest.NewStage(t)}
	s.restart()
	return s
}

// during is the site for a test within the test.
func (s *site) during(t *testing.T) *site { return &site{s.During(t), s.router} }

// restart loses what the process knew.
func (s *site) restart() { s.router = New(s.Access) }

// apply applies a manifest as a user's tool would.
func (s *site) apply(manager, manifest string) *unstructured.Unstructured {
	s.Helper()
	return s.Apply(manager, filepath.Join("testdata", "routes", manifest))
}

func (s *site) parse(manifest string) *unstructured.Unstructured {
	s.Helper()
	return s.Parse(filepath.Join("testdata", "routes", manifest))
}

func (s *site) get(kind, name string) *unstructured.Unstructured {
	s.Helper()
	return s.Get(empty(kind), name)
}

// edit changes a route as a person would.
func (s *site) edit(kind, name string, change func(rules []rule) []rule) {
	s.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		o := s.get(kind, name)
		rules, err := rulesOf(o)
		if err != nil {
			return err
		}
		if err := setRules(o, change(rules)); err != nil {
			return err
		}
		return s.Access.Update(s.Context(), o, client.FieldOwner("kubectl-edit"))
	})
	if err != nil {
		s.Fatal(err)
	}
}

// acknowledge plays the gateway's controller: it reports on the route as it is now.
func (s *site) acknowledge(kind, name string, change ...func(condition map[string]any)) {
	s.Helper()
	if err := s.report(kind, name, change...); err != nil {
		s.Fatal(err)
	}
}

func (s *site) report(kind, name string, change ...func(condition map[string]any)) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		o := empty(kind)
		if err := s.Access.Get(s.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, o); err != nil {
			return err
		}
		var conditions []any
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			c := map[string]any{
				"type": kind, "status": "True", "reason": kind, "message": "", "observedGeneration": o.GetGeneration(),
				"lastTransitionTime": "2026-11-21T12:00:00Z",
			}
			for _, f := range change {
				f(c)
			}
			conditions = append(conditions, c)
		}
		report := map[string]any{
			"controllerName": "example.org/played", "conditions": conditions,
			"parentRef": map[string]any{"group": group, "kind": "Gateway", "name": "web"},
		}
		o.Object["status"] = map[string]any{"parents": []any{report}}
		return s.Access.Status().Update(s.Context(), o, client.FieldOwner("played-gateway"))
	})
}

func (s *site) observe(name string) plan.Route {
	s.Helper()
	seen, err := s.router.Observe(s.Context(), s.Target(name))
	if err != nil {
		s.Fatal(err)
	}
	return seen
}

// order orders a share for canary.
func (s *site) order(name string, canary plan.Share, change ...func(*router.Order)) {
	s.Helper()
	if err := s.router.Apply(s.Context(), s.Target(name), ordered(name, canary, change...)); err != nil {
		s.Fatal(err)
	}
}

func ordered(name string, canary plan.Share, change ...func(*router.Order)) router.Order {
	o := router.Order{
		Traffic:  plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}},
		Pools:    map[plan.TrackName]plan.PoolName{plan.Stable: "stable", plan.Canary: "canary"},
		Services: map[plan.TrackName]string{plan.Stable: name, plan.Canary: name + "-canary", plan.Baseline: name + "-baseline"},
	}
	for _, f := range change {
		f(&o)
	}
	return o
}

func with(format string, args ...any) func(*router.Order) {
	return func(o *router.Order) { o.With = json.RawMessage(fmt.Sprintf(format, args...)) }
}

func staff(o *router.Order) {
	o.Traffic.Matches = []plan.Match{{Headers: []plan.Condition{{Name: "X-Staff", How: plan.Present}}, Track: plan.Canary}}
}

// problem expects an order to be refused for a reason.
func (s *site) problem(name, reason string, o router.Order) *cluster.Problem {
	s.Helper()
	return s.Problem(s.router.Apply(s.Context(), s.Target(name), o), reason)
}

// settled acknowledges the route and lets the lag of data planes pass.
func (s *site) settled(name string) plan.Route {
	s.Helper()
	s.observe(name)
	s.acknowledge(httpRoute, "shop")
	s.observe(name)
	s.Pass(3 * time.Second)
	seen := s.observe(name)
	if seen.Pending != "" {
		s.Fatalf("still pending: %s", seen.Pending)
	}
	return seen
}

func shares(canary plan.Share) plan.Traffic {
	return plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}}
}

func TestGuestEditsAndHandsBack(t *testing.T) {
	s := newSite(t)
	before := s.apply("kustomize-controller", "shop.yaml")
	s.order("shop", 0)
	if now := s.get(httpRoute, "shop"); now.GetResourceVersion() != before.GetResourceVersion() {
		t.Error("an order for stable alone wrote to a route that does nothing else")
	}
	s.order("shop", 1)
	route := s.get(httpRoute, "shop")
	rules, _ := rulesOf(route)
	want := `[{"group":"","kind":"Service","name":"shop","port":80,"weight":999},{"group":"","kind":"Service","name":"shop-canary","port":80,"weight":1}]`
	if got, _ := json.Marshal(rules[1]["backendRefs"]); string(got) != want {
		t.Errorf("backends are %s, want %s", got, want)
	}
	s.foreign(before, route, 0, 2)
	if seen := s.settled("shop"); !seen.Traffic.Equal(shares(1)) || seen.Pool(plan.Canary) != "canary" {
		t.Errorf("observed %+v", seen)
	}
	version := s.get(httpRoute, "shop").GetResourceVersion()
	s.order("shop", 1)
	if now := s.get(httpRoute, "shop").GetResourceVersion(); now != version {
		t.Error("ordering the same again wrote")
	}
	s.restart()
	if seen := s.observe("shop"); !seen.Traffic.Equal(shares(1)) || seen.Pending != "" {
		t.Errorf("after a restart: %+v", seen)
	}
	s.order("shop", 500, staff)
	s.order("shop", 0)
	s.handedBack(before)
	if seen := s.settled("shop"); !seen.Traffic.Equal(shares(0)) {
		t.Errorf("handed back: %+v", seen)
	}
}

// foreign expects rules that are not the target's to be as they were, byte for byte.
func (s *site) foreign(before, after *unstructured.Unstructured, indexes ...int) {
	s.Helper()
	was, _ := rulesOf(before)
	is, _ := rulesOf(after)
	for _, i := range indexes {
		a, _ := json.Marshal(was[i])
		b, _ := json.Marshal(is[len(is)-len(was)+i])
		if string(a) != string(b) {
			s.Errorf("rule %d was %s and is %s", i, a, b)
		}
	}
}

// handedBack expects a route, and who owns it, to be as before.
func (s *site) handedBack(before *unstructured.Unstructured) {
	s.Helper()
	after := s.get(before.GetKind(), before.GetName())
	if !reflect.DeepEqual(before.Object["spec"], after.Object["spec"]) || !reflect.DeepEqual(before.GetAnnotations(), after.GetAnnotations()) {
		was, _ := yaml.Marshal(before.Object)
		is, _ := yaml.Marshal(after.Object)
		s.Errorf("was\n%s\nis\n%s", was, is)
	}
	for _, e := range after.GetManagedFields() {
		if e.Manager == cluster.TrafficManager {
			s.Errorf("%s still owns %s", e.Manager, e.FieldsV1.GetRawString())
		}
	}
	// The user's next change is nobody else's: no conflict without force.
	o := s.parse("shop.yaml")
	rules, _ := rulesOf(o)
	rules[1]["timeouts"] = map[string]any{"request": "30s"}
	if err := setRules(o, rules); err != nil {
		s.Fatal(err)
	}
	if err := s.Access.Apply(s.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("kustomize-controller")); err != nil {
		s.Errorf("the user's next apply: %v", err)
	}
}

func TestRestore(t *testing.T) {
	s := newSite(t)
	before := s.apply("kustomize-controller", "shop.yaml")
	s.order("shop", 300, staff)
	s.restart()
	for range 2 {
		if err := s.router.Restore(t.Context(), s.Target("shop")); err != nil {
			t.Fatal(err)
		}
	}
	s.handedBack(before)
	if seen := s.observe("shop"); !reflect.DeepEqual(seen, plan.Route{}) {
		t.Errorf("after restore: %+v", seen)
	}
}

func TestGitReappliesMidRelease(t *testing.T) {
	s := newSite(t)
	s.apply("kustomize-controller", "shop.yaml")
	s.order("shop", 250, staff)
	if seen := s.settled("shop"); !seen.Traffic.Equal(ordered("shop", 250, staff).Traffic) {
		t.Fatalf("observed %+v", seen.Traffic)
	}
	s.apply("kustomize-controller", "shop-changed.yaml")
	if seen := s.observe("shop"); !seen.Traffic.Equal(shares(0)) || !strings.Contains(seen.Pending, "has not seen generation") {
		t.Errorf("after Git took the rules back: %+v", seen)
	}
	s.order("shop", 250, staff)
	if seen := s.settled("shop"); !seen.Traffic.Equal(ordered("shop", 250, staff).Traffic) {
		t.Errorf("ordered again: %+v", seen.Traffic)
	}
	rules, _ := rulesOf(s.get(httpRoute, "shop"))
	for _, r := range rules[1:3] {
		if r["timeouts"] == nil {
			t.Errorf("%s has lost the time-out that Git has added meanwhile", r.name())
		}
	}
	s.order("shop", 0)
	after := s.get(httpRoute, "shop")
	changed := s.apply("kustomize-controller", "shop-changed.yaml")
	if !reflect.DeepEqual(after.Object["spec"], changed.Object["spec"]) {
		t.Error("what was handed back is not what Git wants now")
	}
}

func TestAPersonEditsMidRelease(t *testing.T) {
	s := newSite(t)
	s.apply("kubectl", "shop.yaml")
	s.order("shop", 250, staff)
	s.edit(httpRoute, "shop", func(rules []rule) []rule {
		for _, r := range rules {
			if r.name() == "shop" {
				r["timeouts"] = map[string]any{"request": "7s"}
				r.maps("backendRefs")[1]["weight"] = int64(9999)
			}
		}
		return rules
	})
	if seen := s.observe("shop"); seen.Traffic.Shares[plan.Canary] < 900 {
		t.Errorf("observed %v, and canary gets nearly all", seen.Traffic.Shares)
	}
	s.order("shop", 250, staff)
	s.order("shop", 0)
	rules, _ := rulesOf(s.get(httpRoute, "shop"))
	if len(rules) != 3 || !reflect.DeepEqual(rules[1]["timeouts"], map[string]any{"request": "7s"}) {
		t.Errorf("the person's edit was not kept: %v", rules)
	}
	if refs := rules[1].maps("backendRefs"); len(refs) != 1 || weight(refs[0]) != 1 {
		t.Errorf("serin's Service was not taken out: %v", refs)
	}
}

func TestStatusIsAwaited(t *testing.T) {
	s := newSite(t)
	s.apply("kubectl", "shop.yaml")
	s.order("shop", 100)
	waits := func(text string) {
		t.Helper()
		if seen := s.observe("shop"); !strings.Contains(seen.Pending, text) || text == "" && seen.Pending != "" {
			t.Errorf("pending %q, want %q", seen.Pending, text)
		}
	}
	waits("no gateway has taken it up")
	s.acknowledge(httpRoute, "shop", func(c map[string]any) { c["observedGeneration"] = int64(1) })
	waits("Gateway " + s.Namespace + "/web has not seen generation 2 yet")
	s.acknowledge(httpRoute, "shop", func(c map[string]any) {
		if c["type"] == "ResolvedRefs" {
			c["status"], c["reason"], c["message"] = "False", "BackendNotFound", "service shop-canary not found"
		}
	})
	waits("not ResolvedRefs (BackendNotFound): service shop-canary not found")
	s.Pass(time.Minute) // however long that took, data planes begin to follow now
	s.acknowledge(httpRoute, "shop")
	waits("data planes follow")
	s.Pass(2999 * time.Millisecond)
	waits("data planes follow")
	s.Pass(time.Millisecond)
	waits("")
	s.edit(httpRoute, "shop", func(rules []rule) []rule { return rules[1:] }) // somebody else's rule
	waits("has not seen generation 3")
}

func TestTwoTargetsInOneRoute(t *testing.T) {
	s := newSite(t)
	before := s.apply("kustomize-controller", "shop.yaml")
	s.order("shop", 100, staff)
	beside := with(`{"route": "shop"}`)
	s.order("cart", 200, staff, beside)
	s.order("shop", 300)
	if seen := s.settled("cart"); !seen.Traffic.Equal(ordered("cart", 200, staff).Traffic) {
		t.Errorf("cart: %+v", seen.Traffic)
	}
	if seen := s.settled("shop"); !seen.Traffic.Equal(shares(300)) {
		t.Errorf("shop: %+v", seen.Traffic)
	}
	p := s.problem("cart", cluster.RouteTaken, ordered("cart", 200, with(`{"route": "shop", "rules": ["shop"], "service": "shop"}`)))
	if !strings.Contains(p.Text, s.Target("shop")) {
		t.Errorf("the owner is not named: %v", p)
	}
	s.order("shop", 0)
	if seen := s.settled("cart"); !seen.Traffic.Equal(ordered("cart", 200, staff).Traffic) {
		t.Errorf("cart, after shop was handed back: %+v", seen.Traffic)
	}
	if err := s.router.Restore(t.Context(), s.Target("cart")); err != nil {
		t.Fatal(err)
	}
	s.handedBack(before)
}

func TestProblems(t *testing.T) {
	s := newSite(t)
	s.problem("shop", cluster.RouteNotFound, ordered("shop", 100))
	s.apply("kubectl", "shop.yaml")
	for _, test := range []struct {
		reason, text string
		order        router.Order
	}{
		{cluster.RouteUnfit, "no rule", ordered("nobody", 100, with(`{"route": "shop"}`))},
		{cluster.RouteUnfit, "has no rule checkout", ordered("shop", 100, with(`{"rules": ["checkout"]}`))},
		{cluster.RouteUnfit, "sends to other back ends", ordered("shop", 100, with(`{"rules": [2]}`))},
		{cluster.TargetUnfit, "no Service reaches", ordered("shop", 100, func(o *router.Order) { delete(o.Services, plan.Canary) })},
		{cluster.RouteNotFound, "not found", ordered("shop", 100, with(`{"kind": "GRPCRoute"}`))},
	} {
		p := s.problem("shop", test.reason, test.order)
		if !strings.Contains(p.Text, test.text) {
			t.Errorf("got %q, want %q", p.Text, test.text)
		}
	}
	o := s.get(httpRoute, "shop")
	o.SetLabels(map[string]string{"rollouts.argoproj.io/gatewayapi-canary": "in-progress"})
	if err := s.Access.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s.problem("shop", cluster.RouteTaken, ordered("shop", 100))
}

// Whoever writes between reading and writing loses nothing, and the order is carried out on what they wrote.
func TestAConflictLosesNothing(t *testing.T) {
	s := newSite(t)
	s.apply("kubectl", "shop.yaml")
	stale := &staleReads{Client: s.Access.Client, route: s.get(httpRoute, "shop")}
	s.edit(httpRoute, "shop", func(rules []rule) []rule {
		rules[1]["timeouts"] = map[string]any{"request": "7s"}
		return rules
	})
	s.Access.Client = stale
	s.restart()
	s.order("shop", 100)
	if stale.conflicts != 1 {
		t.Errorf("%d conflicts, want 1", stale.conflicts)
	}
	stale.route = nil
	rules, _ := rulesOf(s.get(httpRoute, "shop"))
	if rules[1]["timeouts"] == nil || len(rules[1].maps("backendRefs")) != 2 {
		t.Errorf("the rule is %v", rules[1])
	}
}

// A cache that lags must not make what was written seem undone.
func TestAStaleCacheIsNotBelieved(t *testing.T) {
	s := newSite(t)
	s.apply("kubectl", "shop.yaml")
	stale := &staleReads{Client: s.Access.Client}
	s.Access.Client = stale
	s.restart()
	s.order("shop", 100)
	stale.route = s.get(httpRoute, "shop")
	s.order("shop", 200)
	if seen := s.observe("shop"); !seen.Traffic.Equal(shares(200)) {
		t.Errorf("observed %v", seen.Traffic.Shares)
	}
	stale.route = nil
	if seen := s.observe("shop"); !seen.Traffic.Equal(shares(200)) {
		t.Errorf("observed %v", seen.Traffic.Shares)
	}
}

// staleReads answers with a route as it once was.
type staleReads struct {
	client.Client
	route     *unstructured.Unstructured
	conflicts int
}

func (c *staleReads) Update(ctx context.Context, o client.Object, options ...client.UpdateOption) error {
	err := c.Client.Update(ctx, o, options...)
	if apierrors.IsConflict(err) {
		c.conflicts++
	}
	return err
}

func (c *staleReads) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	if into, ok := o.(*unstructured.Unstructured); ok && c.route != nil && key == client.ObjectKeyFromObject(c.route) && o.GetObjectKind().GroupVersionKind().Kind == c.route.GetKind() {
		into.Object = c.route.DeepCopy().Object
		return nil
	}
	return c.Client.Get(ctx, key, o, options...)
}

// A process may die between the two writes of handing back; the next one finishes.
func TestHandingBackIsFinished(t *testing.T) {
	s := newSite(t)
	before := s.apply("kustomize-controller", "shop.yaml")
	s.order("shop", 100)
	dying := &dyingWrites{Client: s.Access.Client, left: 1}
	s.Access.Client = dying
	s.restart()
	if err := s.router.Apply(t.Context(), s.Target("shop"), ordered("shop", 0)); err == nil {
		t.Fatal("the second write went through")
	}
	s.Access.Client = dying.Client
	s.restart()
	s.order("shop", 0)
	s.handedBack(before)
}

type dyingWrites struct {
	client.Client
	left int
}

func (c *dyingWrites) Update(ctx context.Context, o client.Object, options ...client.UpdateOption) error {
	if c.left--; c.left < 0 {
		return errors.New("the process died")
	}
	return c.Client.Update(ctx, o, options...)
}

func TestARouteOfItsOwn(t *testing.T) {
	s := newSite(t)
	settings := with(`{"gateway": "web", "hostnames": ["shop.example.org"]}`)
	s.problem("shop", cluster.TargetUnfit, ordered("shop", 0, settings))
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "shop"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}
	if err := s.Access.Create(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	s.order("shop", 0, settings)
	rest := s.get(httpRoute, "shop-serin")
	s.order("shop", 0, settings)
	if s.get(httpRoute, "shop-serin").GetResourceVersion() != rest.GetResourceVersion() {
		t.Error("ordering the same again wrote")
	}
	s.order("shop", 100, settings, staff)
	rules, _ := rulesOf(s.get(httpRoute, "shop-serin"))
	if len(rules) != 2 || len(rules[1].maps("backendRefs")) != 2 {
		t.Errorf("rules are %v", rules)
	}
	s.order("shop", 100, with(`{"gateway": "web", "hostnames": ["new.example.org"]}`), staff)
	if hosts, _, _ := unstructured.NestedStringSlice(s.get(httpRoute, "shop-serin").Object, "spec", "hostnames"); hosts[0] != "new.example.org" {
		t.Errorf("hostnames are %v", hosts)
	}
	s.order("shop", 100, settings, staff)
	if err := s.router.Restore(t.Context(), s.Target("shop")); err != nil {
		t.Fatal(err)
	}
	if left := s.get(httpRoute, "shop-serin"); !reflect.DeepEqual(left.Object["spec"], rest.Object["spec"]) || left.GetAnnotations() != nil {
		t.Errorf("left behind: %v", left.Object)
	}
}

func TestGRPCRoute(t *testing.T) {
	s := newSite(t)
	before := s.apply("kustomize-controller", "greeter.yaml")
	s.order("greeter", 10, with(`{"kind": "GRPCRoute"}`), staff)
	rules, _ := rulesOf(s.get(grpcRoute, "greeter"))
	if len(rules) != 2 || len(rules[0].maps("matches")) != 2 {
		t.Errorf("rules are %v", rules)
	}
	s.restart()
	if seen := s.observe("greeter"); !seen.Traffic.Equal(ordered("greeter", 10, staff).Traffic) {
		t.Errorf("observed %+v", seen.Traffic)
	}
	s.order("greeter", 0, with(`{"kind": "GRPCRoute"}`))
	if after := s.get(grpcRoute, "greeter"); !reflect.DeepEqual(before.Object["spec"], after.Object["spec"]) || after.GetAnnotations() != nil {
		t.Errorf("handed back: %v", after.Object)
	}
}

func TestTheRouteMoves(t *testing.T) {
	s := newSite(t)
	before := s.apply("kustomize-controller", "shop.yaml")
	other := s.parse("shop.yaml")
	other.SetName("second")
	if err := s.Access.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	s.order("shop", 100)
	s.order("shop", 100, with(`{"route": "second"}`))
	s.handedBack(before)
	if refs := s.get(httpRoute, "second").GetAnnotations()[cluster.TrafficAnnotation]; refs == "" {
		t.Error("the second route was not taken")
	}
}
