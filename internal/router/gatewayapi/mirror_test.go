package gatewayapi

import (
	"context"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

func TestClassesThatCannotMirror(t *testing.T) {
	const traefik, other = "traefik.io/gateway-controller", "example.org/gateway"
	for _, test := range []struct {
		reason, controller, features, kind string
		share                              plan.Share
		lacks                              string
	}{
		{"nothing is known against it", other, "", httpRoute, 500, ""},
		{"known by name, and says nothing", traefik, "", httpRoute, plan.Whole, "is known not to"},
		{"says so itself", traefik, "Gateway HTTPRoute", httpRoute, plan.Whole, "HTTPRouteRequestMirror"},
		{"has learned it", traefik, "HTTPRoute HTTPRouteRequestMirror", httpRoute, plan.Whole, ""},
		{"everything or nothing", other, "HTTPRouteRequestMirror", httpRoute, 500, "HTTPRouteRequestPercentageMirror"},
		{"both", other, "HTTPRouteRequestMirror HTTPRouteRequestPercentageMirror", httpRoute, 500, ""},
		{"features are told of HTTPRoutes only", other, "GRPCRoute", grpcRoute, 500, ""},
		{"known by name, for any kind", traefik, "GRPCRoute", grpcRoute, 500, "is known not to"},
	} {
		c := class{controller: test.controller, features: strings.Fields(test.features)}
		got := c.lacks(plan.Mirror{Track: plan.Canary, Share: test.share}, test.kind)
		if (got == "") != (test.lacks == "") || !strings.Contains(got, test.lacks) {
			t.Errorf("%s: got %q, want %q", test.reason, got, test.lacks)
		}
	}
}

func TestAMirrorNeedsAGatewayThatMakesIt(t *testing.T) {
	s := newSite(t)
	s.class(`{"name": "HTTPRoute"}`, `{"name": "HTTPRouteRequestMirror"}`)
	s.apply("kubectl", "shop.yaml")
	before := s.get(httpRoute, "shop").GetResourceVersion()
	half := func(o *router.Order) { o.Traffic.Mirror = &plan.Mirror{Track: plan.Canary, Share: 500} }
	p := s.problem("shop", cluster.RouteUnfit, ordered("shop", 0, half))
	if !strings.Contains(p.Text, "HTTPRouteRequestPercentageMirror") {
		t.Errorf("got %v", p)
	}
	if s.get(httpRoute, "shop").GetResourceVersion() != before {
		t.Error("a refused mirror changed the route")
	}
	all := func(o *router.Order) { o.Traffic.Mirror = &plan.Mirror{Track: plan.Canary, Share: plan.Whole} }
	s.order("shop", 0, all)
	if seen := s.settled("shop"); !seen.Traffic.Equal(ordered("shop", 0, all).Traffic) {
		t.Errorf("observed %+v", seen.Traffic)
	}
}

// class makes the Gateway web of a class with some features. There is no controller behind it: the test is.
func (s *site) class(features ...string) {
	s.Helper()
	kind := empty("GatewayClass")
	kind.SetName(s.Namespace)
	kind.Object["spec"] = map[string]any{"controllerName": "example.org/played"}
	if err := s.Access.Create(s.Context(), kind); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := s.Access.Delete(context.Background(), kind); err != nil {
			s.Error(err)
		}
	})
	status := []byte(`{"status": {"conditions": [], "supportedFeatures": [` + strings.Join(features, ", ") + `]}}`)
	if err := s.Access.Status().Patch(s.Context(), kind, client.RawPatch("application/merge-patch+json", status)); err != nil {
		s.Fatal(err)
	}
	web := empty("Gateway")
	web.SetNamespace(s.Namespace)
	web.SetName("web")
	web.Object["spec"] = map[string]any{
		"gatewayClassName": s.Namespace,
		"listeners":        []any{map[string]any{"name": "web", "port": int64(80), "protocol": "HTTP"}},
	}
	if err := s.Access.Create(s.Context(), web); err != nil {
		s.Fatal(err)
	}
}
