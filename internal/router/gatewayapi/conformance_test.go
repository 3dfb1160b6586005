package gatewayapi

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/clustertest"
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
	s.access.Now = time.Now
	conformance.Run(t, conformance.Subject{
		Driver:   Driver,
		Target:   s.target("shop"),
		With:     json.RawMessage(`{"settle": "0s"}`),
		Services: services{plan.Stable: "shop", plan.Canary: "shop-canary", plan.Baseline: "shop-baseline"},
		New: func(t *testing.T) router.Router {
			here := s.during(t)
			here.again("shop.yaml")
			here.play()
			return New(s.access)
		},
		Refused: refusals,
	})
}

// again makes the route anew.
func (s *site) again(manifest string) {
	s.Helper()
	o := s.parse(manifest)
	if err := s.access.Delete(s.Context(), o); err != nil && !apierrors.IsNotFound(err) {
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
		look := time.NewTicker(10 * time.Millisecond)
		defer look.Stop()
		reported := ""
		for {
			select {
			case <-stop:
				return
			case <-look.C:
			}
			o := empty(httpRoute)
			err := s.access.Get(s.Context(), client.ObjectKey{Namespace: s.ns, Name: "shop"}, o)
			state := fmt.Sprint(o.GetUID(), o.GetGeneration())
			if err == nil && state != reported && s.report(httpRoute, "shop") == nil {
				reported = state
			}
		}
	}()
}

// The whole suite with Traefik as the gateway. It lists no mirrors, so the router must refuse them there, which is what
// leaving the feature out makes the suite look for.
func TestConformanceWithTraefik(t *testing.T) {
	s := newSite(t)
	s.access.Now = time.Now
	gateway := s.traefik()
	driver := Driver
	driver.Features = slices.DeleteFunc(slices.Clone(driver.Features), func(f plan.Feature) bool { return f == plan.Mirroring })
	conformance.Run(t, conformance.Subject{
		Driver:   driver,
		Target:   s.target("shop"),
		With:     json.RawMessage(`{"settle": "2s"}`),
		Services: services{plan.Stable: "shop", plan.Canary: "shop-canary", plan.Baseline: "shop-baseline"},
		New: func(t *testing.T) router.Router {
			here := s.during(t)
			here.noEndpoints()
			here.again("traefik.yaml")
			return withoutMirrors{New(s.access)}
		},
		Place: func(t *testing.T, track plan.TrackName, instance, url string) plan.Endpoint {
			here := s.during(t)
			endpoint := here.place(track, instance, url)
			if track == plan.Stable {
				here.serves(gateway)
			}
			return endpoint
		},
		URL:     func(router.Router, string) string { return gateway },
		Settle:  20 * time.Second,
		Refused: refusals,
	})
}

type withoutMirrors struct{ *Router }

func (withoutMirrors) Features() plan.Features {
	return slices.DeleteFunc(slices.Clone(Driver.Features), func(f plan.Feature) bool { return f == plan.Mirroring })
}

// traefik finds the gateway, makes the Services, and returns where requests to the route can be sent.
func (s *site) traefik() string {
	s.Helper()
	web := empty("Gateway")
	if err := s.access.Get(s.Context(), client.ObjectKey{Namespace: "traefik", Name: "web"}, web); err != nil {
		s.Skipf("NOT RUN: the cluster has no Gateway traefik/web: %v", err)
	}
	for _, name := range []string{"shop", "shop-canary", "shop-baseline"} {
		service := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
		}
		if err := s.access.Create(s.Context(), service); err != nil {
			s.Fatal(err)
		}
	}
	var entry corev1.Service
	if err := s.access.Get(s.Context(), client.ObjectKey{Namespace: "traefik", Name: "traefik"}, &entry); err != nil {
		s.Fatal(err)
	}
	at := &url.URL{Scheme: "http", Host: net.JoinHostPort(entry.Spec.ClusterIP, "80")}
	front := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(at)
		r.Out.Host = s.ns + ".example.org"
	}, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	server := httptest.NewServer(front)
	s.Cleanup(server.Close)
	return server.URL
}

// serves waits until the gateway has found stable, as it has before any release.
func (s *site) serves(gateway string) {
	s.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for limit := time.Now().Add(30 * time.Second); ; <-look.C {
		response, err := http.Get(gateway)
		if err != nil {
			s.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(limit) {
			s.Fatalf("the gateway answers %s", response.Status)
		}
	}
}

// noEndpoints takes all instances away.
func (s *site) noEndpoints() {
	s.Helper()
	if err := s.access.DeleteAllOf(s.Context(), &discoveryv1.EndpointSlice{}, client.InNamespace(s.ns)); err != nil {
		s.Fatal(err)
	}
}

// place lets an instance be reached from within the cluster, as an endpoint of its track's Service.
func (s *site) place(track plan.TrackName, instance, backend string) plan.Endpoint {
	s.Helper()
	name := "shop"
	if track != plan.Stable {
		name += "-" + string(track)
	}
	return plan.Endpoint{Instance: instance, URL: clustertest.Endpoint(s.T, s.access, s.ns, name, backend)}
}
