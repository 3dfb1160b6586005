package clustertest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Traefik is the cluster's, as far as a stage is concerned.
type Traefik struct {
	URL   string // whose requests come to Traefik as ones for NAMESPACE.example.org
	entry string
	stage *Stage
	marks int
}

// Traefik finds it. Without one the test is skipped.
func (s *Stage) Traefik() *Traefik {
	s.Helper()
	var service corev1.Service
	if err := s.Access.Get(s.Context(), client.ObjectKey{Namespace: "traefik", Name: "traefik"}, &service); err != nil {
		s.Skipf("NOT RUN: the cluster has no Traefik: %v", err)
	}
	at := &url.URL{Scheme: "http", Host: net.JoinHostPort(service.Spec.ClusterIP, "80")}
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(at)
		r.Out.Host = s.Namespace + ".example.org"
	}, Transport: &http.Transport{MaxIdleConnsPerHost: 64}})
	s.Cleanup(front.Close)
	return &Traefik{URL: front.URL, entry: at.String(), stage: s}
}

// Follow waits until Traefik does what it was told. It learns of routes, TraefikServices and endpoints each by a way of its own, by
// Gateway API and by its own kinds, and takes in at once what it knows of all of them: so a mark is written into each, and when all
// marks are seen in its answers, so is what was written before.
func (f *Traefik) Follow(t *testing.T) {
	t.Helper()
	s := f.stage.During(t)
	f.marks++
	mark := fmt.Sprintf("mark-%d", f.marks)
	server := Serve(t, s.Access, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, mark) }))
	address, port := split(t, server)
	for _, o := range marked(mark, s.Namespace, address, int64(port)) {
		o.SetNamespace(s.Namespace)
		if err := s.Access.Apply(s.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("test"), client.ForceOwnership); err != nil {
			t.Fatal(err)
		}
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	limit := time.Now().Add(30 * time.Second)
	for _, host := range []string{"gateway." + s.Namespace + ".example.org", "own." + s.Namespace + ".example.org"} {
		for ; !f.shows(t, host, mark); <-look.C {
			if time.Now().After(limit) {
				t.Fatalf("Traefik does not follow: %s has no %s", host, mark)
			}
		}
	}
}

// shows asks whether a host answers with all marks: that of the route in its path, of the endpoints in its body, and of the
// TraefikService in its cookie, which Gateway API's has none of.
func (f *Traefik) shows(t *testing.T, host, mark string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.entry+"/"+mark, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	cookies := response.Cookies()
	return string(body) == mark && (strings.HasPrefix(host, "gateway.") || len(cookies) == 1 && cookies[0].Name == mark)
}

// marked are two routes to one Service, all with the mark.
func marked(mark, namespace, address string, port int64) []*unstructured.Unstructured {
	type object = map[string]any
	named := func(version, kind string, labels object) object {
		return object{"apiVersion": version, "kind": kind, "metadata": object{"name": "mark", "labels": labels}}
	}
	service := named("v1", "Service", nil)
	service["spec"] = object{"ports": []any{object{"name": "http", "port": int64(80)}}}
	slice := named("discovery.k8s.io/v1", "EndpointSlice", object{discoveryv1.LabelServiceName: "mark"})
	slice["addressType"] = "IPv4"
	slice["ports"] = []any{object{"name": "http", "port": port}}
	slice["endpoints"] = []any{object{"addresses": []any{address}, "conditions": object{"ready": true}}}
	weighted := named("traefik.io/v1alpha1", "TraefikService", nil)
	weighted["spec"] = object{"weighted": object{
		"services": []any{object{"name": "mark", "port": int64(80)}}, "sticky": object{"cookie": object{"name": mark}},
	}}
	own := named("traefik.io/v1alpha1", "IngressRoute", nil)
	own["spec"] = object{"routes": []any{object{
		"kind": "Rule", "match": "Host(`own." + namespace + ".example.org`) && Path(`/" + mark + "`)",
		"services": []any{object{"kind": "TraefikService", "name": "mark"}},
	}}}
	gateway := named("gateway.networking.k8s.io/v1", "HTTPRoute", nil)
	gateway["spec"] = object{
		"parentRefs": []any{object{"name": "web", "namespace": "traefik"}}, "hostnames": []any{"gateway." + namespace + ".example.org"},
		"rules": []any{object{
			"matches":     []any{object{"path": object{"type": "Exact", "value": "/" + mark}}},
			"backendRefs": []any{object{"name": "mark", "port": int64(80)}},
		}},
	}
	var all []*unstructured.Unstructured
	for _, o := range []object{service, slice, weighted, own, gateway} {
		all = append(all, &unstructured.Unstructured{Object: o})
	}
	return all
}
