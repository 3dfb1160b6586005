package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster"
)

// What has the wrong shape does not get into the cluster.
func TestTheAPIServerRefusesWrongShapes(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct{ reason, spec, says string }{
		{"a share beyond everything", "steps: [{weight: 101}]", "weight"},
		{"an empty step", "steps: [{}]", "steps[0]"},
		{"two comparisons in one condition", `steps: [{match: [{header: {name: X, exact: a, prefix: b}}]}]`, "exactly one of exact, prefix, regex and present"},
		{"settings of another strategy", "rolling: {batch: 10%}", "the settings rolling belong to strategy rolling"},
		{"a strategy that does not exist", "strategy: bluegreen", "Unsupported value"},
		{"both a cookie and a header", "traffic: {sticky: {cookie: a, header: b}}", "exactly one of cookie and header"},
		{"a duration that is none", "progressDeadline: soon", "progressDeadline"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			err := s.tryApply(canaryOf("podinfo", "Deployment", c.spec))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the answer is %v, want one that says %q", err, c.says)
			}
		})
	}
	t.Run("another target", func(t *testing.T) {
		s.apply(canaryOf("moving", "Deployment", "steps: [{weight: 10}]"))
		err := s.tryApply(strings.ReplaceAll(canaryOf("moving", "Deployment", "steps: [{weight: 10}]"), "name: moving}\n  steps", "name: other}\n  steps"))
		if err == nil || !strings.Contains(err.Error(), "the target cannot be changed") {
			t.Errorf("the answer is %v", err)
		}
	})
}

// What only the compiler can refuse is said in the status, at the user's field, and nothing is done.
func TestDiagnosticsAtTheField(t *testing.T) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service", "route")
	for i, c := range []struct{ reason, spec, field, says string }{
		{"no such router", "traffic: {gatewayApi: {route: podinfo}}", "spec.traffic", "gatewayApi"},
		{"a route cannot keep users on their track", "traffic: {gatewayAPI: {route: podinfo}, sticky: {cookie: track}}", "spec.traffic.sticky", "gatewayAPI"},
		{"no such setting of the router", "traffic: {gatewayAPI: {routes: podinfo}}", "spec.traffic.gatewayAPI.routes", ""},
		{"pods cannot be told apart by headers", `steps: [{match: [{header: {name: X, exact: a}}]}]`, "spec.steps[0].match", "replicas"},
		{"a judge's setting", "judge: {failures: {tolerate: fast}}", "spec.judge.failures.tolerate", "ratio"},
		{"a share that falls", "steps: [{weight: 50}, {weight: 20}]", "spec.steps[1].weight", ""},
	} {
		name := fmt.Sprint("wrong-", i)
		s.apply(strings.Replace(canaryOf(name, "Deployment", c.spec), "kind: Deployment, name: "+name, "kind: Deployment, name: podinfo", 1))
		t.Run(c.reason, func(t *testing.T) {
			got := s.stands(name, v1alpha1.Stalled, "Refused")
			if err := s.Delete(t.Context(), &got); err != nil { // the next one would be told that this one was first
				t.Fatal(err)
			}
			for _, d := range got.Status.Diagnostics {
				if d.Severity == "error" && strings.HasPrefix(d.Field, c.field) && strings.Contains(d.Message, c.says) {
					return
				}
			}
			t.Errorf("the diagnostics are %+v, want an error at %s that says %q", got.Status.Diagnostics, c.field, c.says)
		})
	}
	s.untouched()
}

// A target that is not there yet is awaited.
func TestMissingTarget(t *testing.T) {
	s := newStage(t)
	s.apply(canaryOf("podinfo", "Deployment", twoSteps))
	s.blocked("podinfo", cluster.TargetNotFound, "podinfo")
	s.podinfo("v1")
	s.file("service", "route")
	s.settled()
}

// A route that is not there yet is awaited, and the target is left alone until then.
func TestMissingRoute(t *testing.T) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service")
	s.apply(canaryOf("podinfo", "Deployment", twoSteps))
	s.blocked("podinfo", cluster.RouteNotFound, "podinfo")
	s.untouched()
	s.file("route")
	s.settled()
}

// A route that sends elsewhere as well is not serin's to weigh.
func TestUnfitRoute(t *testing.T) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service", "elsewhere")
	s.apply(canaryOf("podinfo", "Deployment", twoSteps))
	s.blocked("podinfo", cluster.RouteUnfit, "podinfo")
	s.untouched()
}

// The first Canary of a target owns it, and the second is told by whom.
func TestSecondCanaryOfATarget(t *testing.T) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service", "route")
	s.canary(twoSteps)
	s.apply(strings.Replace(canaryOf("second", "Deployment", "steps: [{weight: 10}]"), "kind: Deployment, name: second", "kind: Deployment, name: podinfo", 1))
	s.blocked("second", cluster.TargetTaken, s.ns+"/podinfo")
	s.settled()
}

// Traefik answers every request of a rule that mirrors with an error, so a mirror is refused before the route changes.
func TestMirrorThroughTraefikIsRefused(t *testing.T) {
	s, u := behindGateway(t, brisk+"steps:\n- {mirror: 50, hold: 3s}\n- {weight: 50, hold: 3s}\n")
	s.podinfo("v2")
	s.blocked("podinfo", cluster.RouteUnfit, "mirror")
	u.nothingFrom(pace, "v2")
	if err := s.routeLeftovers(t.Context()); err != nil {
		t.Error(err)
	}
	u.report("v1")
}

// What the administrator has not granted is said, with what to grant, and nothing is done by halves.
func TestForbiddenByRBAC(t *testing.T) {
	t.Parallel()
	s := newOwnStage(t, "--set", "routers.gatewayAPI=false,routers.endpoints=false") // which reads routes as well
	s.podinfo("v1")
	s.file("service", "route")
	s.start()
	s.apply(canaryOf("podinfo", "Deployment", twoSteps))
	s.blocked("podinfo", cluster.Forbidden, "routes.gateway.networking.k8s.io is forbidden") // of HTTP or of gRPC, whichever is asked first
	s.untouched()
	if _, err := theatre.install(t.Context(), s.home); err != nil {
		t.Fatal(err)
	}
	s.settled()
}

// A router whose kinds the cluster does not know is named, and so is what to install.
func TestMissingCRDsOfARouter(t *testing.T) {
	t.Parallel()
	s := newOwnStage(t)
	s.podinfo("v1")
	s.file("service")
	s.serin.through(t, newCensor(t, s.later, s.serin.config, "networking.istio.io"))
	s.start()
	s.apply(canaryOf("podinfo", "Deployment", "traffic: {istio: {virtualService: podinfo}}"))
	s.blocked("podinfo", cluster.KindMissing, "VirtualService")
	s.untouched()
}

// stands waits until a Canary has a condition with a reason.
func (s *stage) stands(name, kind, reason string) (c v1alpha1.Canary) {
	s.Helper()
	s.await(fmt.Sprintf("Canary %s is %s: %s", name, kind, reason), long, func(ctx context.Context) (bool, error) {
		if err := s.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: name}, &c); err != nil {
			return false, err
		}
		if got := condition(c.Status.Conditions, kind); got.Reason != reason {
			return false, fmt.Errorf("it says %s %s: %s", got.Status, got.Reason, got.Message)
		}
		return true, nil
	})
	return c
}

// blocked waits until a Canary says what of the cluster keeps it, in words that name the thing and the remedy.
func (s *stage) blocked(name, reason, names string) {
	s.Helper()
	c := condition(s.stands(name, v1alpha1.Ready, reason).Status.Conditions, v1alpha1.Ready)
	if c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, names) || !strings.Contains(c.Message, "; ") {
		s.Errorf("Canary %s is Ready=%s: %q; want False, %q and a remedy", name, c.Status, c.Message, names)
	}
	s.Logf("%s: %s", c.Reason, c.Message)
}

// untouched checks that serin has not put its hands on anything for a while.
func (s *stage) untouched() {
	s.Helper()
	since := time.Now()
	s.await("nothing is touched", long, func(ctx context.Context) (bool, error) {
		var all appsv1.DeploymentList
		if err := s.List(ctx, &all, client.InNamespace(s.ns)); err != nil {
			return false, err
		}
		for _, d := range all.Items {
			if _, held := d.Annotations[cluster.HeldAnnotation]; held || d.Spec.Paused || d.Name != "podinfo" {
				s.Fatalf("Deployment %s was touched: paused %v, annotations %v", d.Name, d.Spec.Paused, d.Annotations)
			}
		}
		if route, err := s.route(ctx); err == nil {
			if _, noted := route.GetAnnotations()[cluster.TrafficAnnotation]; noted {
				rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
				s.Fatalf("the route was touched: %v", rules)
			}
		}
		return time.Since(since) > 2*time.Second, nil
	})
}
