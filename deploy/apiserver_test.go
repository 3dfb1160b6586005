package deploy

import (
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
)

// sets are the values that charts are tried with on a real API server: the defaults, and those of testdata.
func sets(t testing.TB) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := map[string][]string{"default": nil}
	for _, file := range files {
		all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = []string{"--values", file}
	}
	return all
}

func scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// The API server reads every object as if it were installed, with all of its own validation, and changes nothing.
func TestAPIServerAcceptsTheChart(t *testing.T) {
	api, ns := clustertest.New(t, scheme(t))
	for name, args := range sets(t) {
		t.Run(name, func(t *testing.T) {
			for _, o := range objects(t, render(t, args...)) {
				if o.GetNamespace() != "" {
					o.SetNamespace(ns)
				}
				err := api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), client.DryRunAll, client.FieldOwner("serin-test"), client.ForceOwnership)
				if meta.IsNoMatchError(err) && o.GetKind() == "ServiceMonitor" {
					t.Log("NOT TRIED: ServiceMonitor, which this cluster does not know")
					continue
				}
				if err != nil {
					t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
				}
			}
		})
	}
}

func TestPodsKeepToTheRestrictedProfile(t *testing.T) {
	api, ns := clustertest.New(t, scheme(t))
	restrict(t, api, ns)
	for name, args := range sets(t) {
		t.Run(name, func(t *testing.T) {
			pod := controllerPod(t, render(t, args...), ns)
			account := &corev1.ServiceAccount{}
			account.Name, account.Namespace = pod.Spec.ServiceAccountName, ns
			if err := client.IgnoreAlreadyExists(api.Create(t.Context(), account)); err != nil {
				t.Fatal(err)
			}
			if err := api.Create(t.Context(), pod.DeepCopy(), client.DryRunAll); err != nil {
				t.Errorf("the pod is refused: %v", err)
			}
			pod.Spec.SecurityContext.SeccompProfile = nil
			if err := api.Create(t.Context(), pod, client.DryRunAll); err == nil || !strings.Contains(err.Error(), "restricted") {
				t.Errorf("the namespace takes a pod without seccomp: %v", err)
			}
		})
	}
}

// restrict lets a namespace refuse what does not keep to the restricted profile.
func restrict(t testing.TB, api *cluster.Access, name string) {
	t.Helper()
	ns := &corev1.Namespace{}
	ns.Name = name
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`))
	if err := api.Patch(t.Context(), ns, patch); err != nil {
		t.Fatal(err)
	}
}

// controllerPod is what the chart's Deployment would make.
func controllerPod(t testing.TB, rendered []byte, ns string) *corev1.Pod {
	t.Helper()
	for _, o := range objects(t, rendered) {
		if o.GetKind() != "Deployment" {
			continue
		}
		template, _, err := unstructured.NestedMap(o.Object, "spec", "template")
		if err != nil {
			t.Fatal(err)
		}
		pod := &corev1.Pod{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template, pod); err != nil {
			t.Fatal(err)
		}
		pod.Name, pod.Namespace = "controller", ns
		return pod
	}
	t.Fatal("the chart has no Deployment")
	return nil
}
