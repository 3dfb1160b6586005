package gatewayapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/router/conformance"
)

// refusals are settings to refuse.
var refusals = map[string]json.RawMessage{
	"colour":    json.RawMessage(`{"colour": "yellow"}`),
	"kind":      json.RawMessage(`{"kind": "TLSRoute"}`),
	"mode":      json.RawMessage(`{"mode": "endpoints"}`),
	"rules[1]":  json.RawMessage(`{"rules": ["a", "a"]}`),
	"settle":    json.RawMessage(`{"settle": 3}`),
	"route":     json.RawMessage(`{"route": "Shop"}`),
	"gateway":   json.RawMessage(`{"mode": "own"}`),
	"hostnames": json.RawMessage(`{"hostnames": ["a.example.org"]}`),
}

// The orders alone: the routes and the API server are real, the gateway's reports are the test's.
func TestConformanceOfOrders(t *testing.T) {
	s := newSite(t)
	s.RealTime()
	conformance.Run(t, conformance.Subject{
		Driver:   Driver,
		Target:   s.Target("shop"),
		With:     json.RawMessage(`{"settle": "0s"}`),
		Services: services{plan.Stable: "shop", plan.Canary: "shop-canary", plan.Baseline: "shop-baseline"},
		New: func(t *testing.T) router.Router {
			here := s.during(t)
			here.again("shop.yaml")
			here.play()
			return New(s.Access)
		},
		Refused: refusals,
	})
}

// again makes the route anew.
func (s *site) again(manifest string) {
	s.Helper()
	o := s.parse(manifest)
	if err := s.Access.Delete(s.Context(), o); err != nil && !apierrors.IsNotFound(err) {
		s.Fatal(err)
	}
	s.apply("kustomize-controller", manifest)
}

// play reports on the route whenever it has changed, until the test is over.
func (s *site) play() {
	stop, stopped := make(chan struct{}), make(chan struct{})
	s.Cleanup(func() { close(stop); <-stopped })
	go func() {
		defer close(stopped)
		look := time.NewTicker(50 * time.Millisecond)
		defer look.Stop()
		reported := ""
		for {
			select {
			case <-stop:
				return
			case <-look.C:
			}
			o := empty(httpRoute)
			err := s.Access.Get(s.Context(), client.ObjectKey{Namespace: s.Namespace, Name: "shop"}, o)
			state := fmt.Sprint(o.GetUID(), o.GetGeneration())
			if err == nil && state != reported && s.report(httpRoute, "shop") == nil {
				reported = state
			}
		}
	}()
}

// The whole suite with Traefik as the gateway.
func TestConformanceWithTraefik(t *testing.T) { conformance.Run(t, newSite(t).withTraefik()) }

// What Observe allows for after the gateway's word has to be enough: the default of settle is held against the real lag, which has the
// time until that word in it.
func TestTraefikFollowsWithinSettle(t *testing.T) {
	settings, err := decode(nil)
	if err != nil {
		t.Fatal(err)
	}
	lag := conformance.Lag(t, newSite(t).withTraefik())
	t.Logf("Traefik followed within %s", lag)
	if settle := time.Duration(*settings.Settle); lag > settle {
		t.Errorf("Traefik followed after %s, and settle is %s", lag, settle)
	}
}

// withTraefik is the router with the cluster's Traefik, which lists no mirrors, so the router must refuse them there: that is what
// leaving the feature out makes the suite look for.
func (s *site) withTraefik() conformance.Subject {
	s.RealTime()
	traefik := s.traefik()
	driver := Driver
	driver.Features = slices.DeleteFunc(slices.Clone(driver.Features), func(f plan.Feature) bool { return f == plan.Mirroring })
	return conformance.Subject{
		Driver:   driver,
		Target:   s.Target("shop"),
		With:     json.RawMessage(`{"settle": "0s"}`),
		Services: services{plan.Stable: "shop", plan.Canary: "shop-canary", plan.Baseline: "shop-baseline"},
		New: func(t *testing.T) router.Router {
			here := s.during(t)
			clustertest.NoEndpoints(t, s.Access, s.Namespace)
			here.again("traefik.yaml")
			return withoutMirrors{New(s.Access)}
		},
		Place: func(t *testing.T, track plan.TrackName, instance, url string) plan.Endpoint {
			return s.during(t).place(track, instance, url)
		},
		Serve:   func(t *testing.T, h http.Handler) string { return clustertest.Serve(t, s.Access, h) },
		URL:     func(router.Router, string) string { return traefik.URL },
		Follow:  traefik.Follow,
		Settle:  20 * time.Second,
		Fine:    5, // Traefik deals anew after each change of any test: of 0.1%, nothing may be left
		Refused: refusals,
	}
}

type withoutMirrors struct{ *Router }

func (withoutMirrors) Features() plan.Features {
	return slices.DeleteFunc(slices.Clone(Driver.Features), func(f plan.Feature) bool { return f == plan.Mirroring })
}

// traefik finds the gateway, makes the Services, and returns what routes of the namespace come by.
func (s *site) traefik() *clustertest.Traefik {
	s.Helper()
	web := hands.Empty(kindOf("Gateway"), types.NamespacedName{Namespace: "traefik", Name: "web"})
	if err := s.Access.Get(s.Context(), client.ObjectKeyFromObject(web), web); err != nil {
		s.Skipf("NOT RUN: the cluster has no Gateway traefik/web: %v", err)
	}
	for _, name := range []string{"shop", "shop-canary", "shop-baseline"} {
		clustertest.Service(s.T, s.Access, s.Namespace, name)
	}
	return s.Traefik()
}

// place lets an instance be reached from within the cluster, as an endpoint of its track's Service.
func (s *site) place(track plan.TrackName, instance, backend string) plan.Endpoint {
	s.Helper()
	name := "shop"
	if track != plan.Stable {
		name += "-" + string(track)
	}
	clustertest.Endpoint(s.T, s.Access, s.Namespace, name, backend)
	return plan.Endpoint{Instance: instance, URL: backend}
}
