package clustertest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// Install makes serin's own kinds known to the cluster, as deploy/crds has them, by server-side apply. They stay.
func Install(t testing.TB) {
	t.Helper()
	crds, err := dynamic.NewForConfig(Config(t))
	if err != nil {
		t.Fatalf("connect to the cluster: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(checkout(t), "deploy/crds/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("find deploy/crds: %d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(data, &crd.Object); err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		options := metav1.ApplyOptions{FieldManager: "serin-test", Force: true}
		if _, err := crds.Resource(definitions).Apply(t.Context(), crd.GetName(), crd, options); err != nil {
			t.Fatalf("apply %s: %v", file, err)
		}
		established(t, crds, crd.GetName())
	}
}

// checkout is the folder that the project lies in: tests run in those of their packages.
func checkout(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
	}
	t.Fatalf("find go.mod above the working directory: %v", err)
	return ""
}

// established waits until the API server serves the kind.
func established(t testing.TB, crds dynamic.Interface, name string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
		crd, err := crds.Resource(definitions).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions") // null right after it was made
		for _, c := range conditions {
			if c, ok := c.(map[string]any); ok && c["type"] == "Established" && c["status"] == "True" {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		t.Fatalf("wait until %s is established: %v", name, err)
	}
}
