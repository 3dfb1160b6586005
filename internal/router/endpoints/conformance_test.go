package endpoints

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/router/conformance"
)

// refusals are settings to refuse.
var refusals = map[string]json.RawMessage{
	"colour":   json.RawMessage(`{"colour": "yellow"}`),
	"mode":     json.RawMessage(`{"mode": "guest"}`),
	"kind":     json.RawMessage(`{"kind": "TCPRoute", "route": "shop"}`),
	"add `rou": json.RawMessage(`{"kind": "GRPCRoute"}`),
	"service":  json.RawMessage(`{"service": "Shop"}`),
	"route":    json.RawMessage(`{"route": "a/b"}`),
	"selector": json.RawMessage(`{"selector": {"a b": "c"}}`),
	"settle":   json.RawMessage(`{"settle": "-1s"}`),
}

// The whole suite with real pods, as far as the API server is concerned, and kube-proxy, which deals connections: each request makes
// its own.
func TestConformance(t *testing.T) {
	s := newSite(t)
	s.RealTime()
	node, front := clustertest.Node(t, s.Access), s.front()
	conformance.Run(t, conformance.Subject{
		Driver: Driver,
		Target: s.Target("shop"),
		With:   json.RawMessage(`{"mode": "endpoints", "selector": {"track": "stable"}, "settle": "2s"}`),
		New: func(t *testing.T) router.Router {
			front.to.Store(new("http://" + s.during(t).clear().Spec.ClusterIP))
			return New(s.Access)
		},
		Place: func(t *testing.T, track plan.TrackName, instance, url string) plan.Endpoint {
			labels := map[string]string{"track": string(track)}
			name := types.NamespacedName{Namespace: s.Namespace, Name: instance}
			clustertest.Pod(t, s.Access, node, name, labels, url)
			return plan.Endpoint{Instance: instance, URL: url}
		},
		Serve:   func(t *testing.T, h http.Handler) string { return clustertest.Serve(t, s.Access, h) },
		URL:     func(router.Router, string) string { return front.URL },
		Settle:  30 * time.Second,
		Refused: refusals,
	})
}

// A front sends each request to the Service by a connection of its own.
type front struct {
	*httptest.Server
	to atomic.Pointer[string]
}

func (s *site) front() *front {
	f := &front{}
	f.Server = httptest.NewServer(&httputil.ReverseProxy{
		Transport: &http.Transport{DisableKeepAlives: true},
		Rewrite: func(r *httputil.ProxyRequest) {
			to, err := url.Parse(*f.to.Load())
			if err != nil {
				s.Error(err)
				return
			}
			r.SetURL(to)
		},
	})
	s.Cleanup(f.Close)
	return f
}

// A site is a stage with a router and the user's Service.
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

// restart loses what the process knew.
func (s *site) restart() { s.router = New(s.Access) }

func (s *site) during(t *testing.T) *site { return &site{s.During(t), s.router} }

// clear makes the Service anew, without pods and endpoints.
func (s *site) clear() *corev1.Service {
	s.Helper()
	in := client.InNamespace(s.Namespace)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "shop"}}
	if err := s.Access.Delete(s.Context(), service); client.IgnoreNotFound(err) != nil {
		s.Fatal(err)
	}
	if err := s.Access.DeleteAllOf(s.Context(), &corev1.Pod{}, in, client.GracePeriodSeconds(0)); err != nil {
		s.Fatal(err)
	}
	s.await("the former Service to leave nothing behind", func() bool {
		if err := s.Access.DeleteAllOf(s.Context(), &discoveryv1.EndpointSlice{}, in); err != nil {
			s.Fatal(err)
		}
		var left discoveryv1.EndpointSliceList
		if err := s.Access.List(s.Context(), &left, in); err != nil {
			s.Fatal(err)
		}
		return len(left.Items) == 0
	})
	service = &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "shop"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}}},
	}
	if err := s.Access.Create(s.Context(), service, client.FieldOwner("user")); err != nil {
		s.Fatal(err)
	}
	return service
}

// await looks until something is so.
func (s *site) await(what string, so func() bool) {
	s.Helper()
	look := time.NewTicker(clustertest.Glance)
	defer look.Stop()
	for limit := time.Now().Add(30 * time.Second); !so(); <-look.C {
		if time.Now().After(limit) {
			s.Fatalf("waited for %s", what)
		}
	}
}
