package traefik

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/router/conformance"
)

// refusals are settings to refuse.
var refusals = map[string]json.RawMessage{
	"colour":           json.RawMessage(`{"colour": "yellow"}`),
	"service":          json.RawMessage(`{"service": "Shop"}`),
	"port":             json.RawMessage(`{"port": 70000}`),
	"scheme":           json.RawMessage(`{"scheme": "ftp"}`),
	"serversTransport": json.RawMessage(`{"serversTransport": "a@file"}`),
	"cookie.sameSite":  json.RawMessage(`{"cookie": {"sameSite": "none"}}`),
	"cookie.domain":    json.RawMessage(`{"cookie": {"domain": "a b"}}`),
	"maxBody":          json.RawMessage(`{"maxBody": -2}`),
	"settle":           json.RawMessage(`{"settle": "-1s"}`),
}

// The whole suite with the cluster's Traefik, to which requests come by an HTTPRoute, and by an IngressRoute.
func TestConformance(t *testing.T) {
	for _, route := range []string{"route", "ingressroute"} {
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			conformance.Run(t, newSite(t).subject(route))
		})
	}
}

// subject is the router with the cluster's Traefik, which requests come to by one of the routes of testdata.
func (s *site) subject(route string) conformance.Subject {
	s.RealTime()
	traefik := s.Traefik()
	services := map[plan.TrackName]string{plan.Stable: "shop", plan.Canary: "shop-canary", plan.Baseline: "shop-baseline"}
	s.Apply("user", filepath.Join("testdata", route+".yaml"))
	return conformance.Subject{
		Driver:   Driver,
		Target:   s.Target("shop"),
		With:     json.RawMessage(`{"settle": "0s"}`),
		Services: services,
		Pins:     true,
		New: func(t *testing.T) router.Router {
			clustertest.NoEndpoints(t, s.Access, s.Namespace)
			if err := s.Access.DeleteAllOf(t.Context(), empty(), client.InNamespace(s.Namespace)); err != nil {
				t.Fatal(err)
			}
			return New(s.Access)
		},
		Serve: func(t *testing.T, h http.Handler) string { return clustertest.Serve(t, s.Access, h) },
		Place: func(t *testing.T, track plan.TrackName, instance, url string) plan.Endpoint {
			clustertest.Endpoint(t, s.Access, s.Namespace, services[track], url)
			return plan.Endpoint{Instance: instance, URL: url}
		},
		URL:     func(router.Router, string) string { return traefik.URL },
		Follow:  traefik.Follow,
		Settle:  20 * time.Second,
		Fine:    5, // Traefik deals anew after each change of any test: of 0.1%, nothing may be left
		Refused: refusals,
	}
}
