package clustertest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// Service makes a Service that selects no pods; its endpoints are those of Endpoint.
func Service(t testing.TB, a *cluster.Access, namespace, name string) {
	t.Helper()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
	}
	if err := a.Create(t.Context(), service); err != nil {
		t.Fatal(err)
	}
}

// Endpoint lets a server of the test be reached from within the cluster, by port "http" of a Service, and returns where.
func Endpoint(t testing.TB, a *cluster.Access, namespace, service, backend string) string {
	t.Helper()
	r := relayTo(t, a, backend)
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, GenerateName: service + "-", Labels: map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("http"), Port: new(r.port)}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{r.node}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	}
	if err := a.Create(t.Context(), slice); err != nil {
		t.Fatal(err)
	}
	return r.url
}

// Pod lets a server of the test be reached from within the cluster as a pod that is ready, by its port "http", and returns where. Its
// node is one of Node: no kubelet has it, and it stays as it is.
func Pod(t testing.TB, a *cluster.Access, node string, name types.NamespacedName, labels map[string]string, backend string) string {
	t.Helper()
	r := relayTo(t, a, backend)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, Labels: labels},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{
			Name: "app", Image: "none", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: r.port}},
		}}},
	}
	if err := a.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	before := p.DeepCopy()
	p.Status.Phase, p.Status.PodIP, p.Status.PodIPs = corev1.PodRunning, r.node, []corev1.PodIP{{IP: r.node}}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
	if err := a.Status().Patch(t.Context(), p, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	return r.url
}

// A relay hands requests that come from within the cluster to a server of the test.
type relay struct {
	node, url string
	port      int32
}

func relayTo(t testing.TB, a *cluster.Access, backend string) relay {
	t.Helper()
	at, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	node := node(t, a)
	listener, err := net.Listen("tcp", net.JoinHostPort(node, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(at) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	})
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	_, text, _ := net.SplitHostPort(listener.Addr().String())
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return relay{node, server.URL, int32(number)}
}

// NoEndpoints takes away what Endpoint has made.
func NoEndpoints(t testing.TB, a *cluster.Access, namespace string) {
	t.Helper()
	if err := a.DeleteAllOf(t.Context(), &discoveryv1.EndpointSlice{}, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
}

// Traefik returns a URL whose requests come to the cluster's Traefik as ones for the host. Without Traefik the test is skipped.
func Traefik(t testing.TB, a *cluster.Access, host string) string {
	t.Helper()
	var entry corev1.Service
	if err := a.Get(t.Context(), client.ObjectKey{Namespace: "traefik", Name: "traefik"}, &entry); err != nil {
		t.Skipf("NOT RUN: the cluster has no Traefik: %v", err)
	}
	at := &url.URL{Scheme: "http", Host: net.JoinHostPort(entry.Spec.ClusterIP, "80")}
	server := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(at)
		r.Out.Host = host
	}, Transport: &http.Transport{MaxIdleConnsPerHost: 64}})
	t.Cleanup(server.Close)
	return server.URL
}

// Answered waits until a URL answers with 200.
func Answered(t testing.TB, at string) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for limit := time.Now().Add(30 * time.Second); ; <-look.C {
		response, err := http.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s answers %s", at, response.Status)
		}
	}
}

// node is the address of this machine in the cluster.
func node(t testing.TB, a *cluster.Access) string {
	t.Helper()
	var nodes corev1.NodeList
	if err := a.List(t.Context(), &nodes); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes.Items {
		for _, address := range n.Status.Addresses {
			if address.Type == corev1.NodeInternalIP {
				return address.Address
			}
		}
	}
	t.Fatal("the cluster's node has no address")
	return ""
}
