package clustertest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

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

// Nowhere is an address that answers nobody: one that RFC 5737 keeps for documents.
const Nowhere = "http://192.0.2.1:1"

// Serve starts a server where pods reach it.
func Serve(t testing.TB, a *cluster.Access, h http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(node(t, a), "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// Endpoint lets a server be reached from within the cluster by port "http" of a Service.
func Endpoint(t testing.TB, a *cluster.Access, namespace, service, backend string) {
	t.Helper()
	address, port := split(t, backend)
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, GenerateName: service + "-", Labels: map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("http"), Port: new(port)}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	}
	if err := a.Create(t.Context(), slice); err != nil {
		t.Fatal(err)
	}
}

// Pod lets a server be reached from within the cluster as a pod that is ready, by its port "http". Its node is one of Node: no
// kubelet has it, and it stays as it is.
func Pod(t testing.TB, a *cluster.Access, node string, name types.NamespacedName, labels map[string]string, backend string) {
	t.Helper()
	address, port := split(t, backend)
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, Labels: labels},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{
			Name: "app", Image: "none", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: port}},
		}}},
	}
	if err := a.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	before := p.DeepCopy()
	p.Status.Phase, p.Status.PodIP, p.Status.PodIPs = corev1.PodRunning, address, []corev1.PodIP{{IP: address}}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
	if err := a.Status().Patch(t.Context(), p, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

func split(t testing.TB, backend string) (address string, port int32) {
	t.Helper()
	at, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseInt(at.Port(), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return at.Hostname(), int32(number)
}

// NoEndpoints takes away what Endpoint has made.
func NoEndpoints(t testing.TB, a *cluster.Access, namespace string) {
	t.Helper()
	if err := a.DeleteAllOf(t.Context(), &discoveryv1.EndpointSlice{}, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
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
