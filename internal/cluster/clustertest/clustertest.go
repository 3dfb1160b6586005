// Package clustertest gives tests a namespace on a real cluster: the one that $KUBECONFIG names, for instance the one that
// `make cluster` starts. A test that needs one and finds none is skipped and says so.
package clustertest

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

func init() { ctrl.SetLogger(logr.Discard()) } // errors are returned; else it warns of the logger it lacks

// Glance is the time between two looks at something that is awaited: many tests share an API server, which would do little else.
const Glance = 300 * time.Millisecond

// Config returns how to reach the cluster, or skips the test.
func Config(t testing.TB) *rest.Config {
	t.Helper()
	path := os.Getenv("SERIN_KUBECONFIG")
	if path == "" {
		t.Skip("NOT RUN: this test needs a real cluster; `make e2e` starts one and sets SERIN_KUBECONFIG")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	config.QPS, config.Burst = 200, 400
	return config
}

// New returns access to the cluster and a new namespace that is gone after the test. Reads are not cached: what a test has
// written, it sees.
func New(t testing.TB, scheme *runtime.Scheme) (*cluster.Access, string) {
	t.Helper()
	config := Config(t)
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatalf("connect to the cluster: %v", err)
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatalf("connect to the cluster: %v", err)
	}
	pods := cluster.NewPods(kube, nil)
	t.Cleanup(pods.Close)
	return &cluster.Access{Client: c, Live: c, Pods: pods, Now: time.Now, Log: slog.Default()}, namespace(t, kube)
}

func namespace(t testing.TB, kube kubernetes.Interface) string {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "serin-test-"}}
	ns, err := kube.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("make a namespace: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := kube.CoreV1().Namespaces().Delete(ctx, ns.Name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("delete namespace %s: %v", ns.Name, err)
		}
	})
	return ns.Name
}
