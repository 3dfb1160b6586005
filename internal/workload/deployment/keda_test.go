package deployment

import (
	"context"
	"os"
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/workload"
)

const pausedReplicas = "autoscaling.keda.sh/paused-replicas"

func object(t *testing.T, path string) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &u.Object); err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return u
}

// defined is a stand on a cluster that knows ScaledObjects, by KEDA's own definition.
func defined(t *testing.T) *stand {
	t.Helper()
	t.Parallel()
	s := newStand(t)
	crd := object(t, "testdata/keda/keda.sh_scaledobjects.yaml")
	err := s.a.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(crd), client.FieldOwner("serin-test"), client.ForceOwnership)
	if err != nil {
		t.Fatalf("define ScaledObjects: %v", err)
	}
	s.until("ScaledObjects are served", func(ctx context.Context) bool {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(scaledObject.GroupVersion().WithKind(scaledObject.Kind + "List"))
		return s.a.List(ctx, list, client.InNamespace(s.ns)) == nil
	})
	return s
}

func (s *stand) scaledObject(name string) *unstructured.Unstructured {
	s.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(scaledObject)
	if err := s.a.Get(s.t.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, u); err != nil {
		s.t.Fatal(err)
	}
	return u
}

// spec is what a ScaledObject asks for.
func spec(u *unstructured.Unstructured) map[string]any {
	content, _, _ := unstructured.NestedMap(u.Object, "spec")
	return content
}

// KEDA's own definition takes what serin derives for the canary, and loses nothing of it. The user's object, with its pause,
// stays as it is from the beginning to the end.
func TestScaledObjectForTheCanary(t *testing.T) {
	s := defined(t)
	s.create(deployment(s.ns, "checkout", "v1"))
	user := object(t, "testdata/keda/checkout.yaml")
	user.SetNamespace(s.ns)
	if err := s.a.Create(t.Context(), user, client.FieldValidation(metav1.FieldValidationStrict), client.FieldOwner("kubectl")); err != nil {
		t.Fatalf("create the user's ScaledObject: %v", err)
	}
	before := spec(s.scaledObject("checkout"))
	v1 := s.describe("checkout")
	s.settled("checkout", v1)
	s.version("checkout", "v2")
	v2 := s.describe("checkout")
	s.reach("checkout", "the canary is ready", order(v1, v2, 1), ready(canaryPool, v2.Revision, 1))

	own := s.scaledObject("checkout-canary")
	want := spec(testTarget(2).deriveScaledObject(user, workload.PoolOrder{Revision: v2.Revision, Replicas: 1}))
	if !reflect.DeepEqual(spec(own), want) {
		t.Errorf("stored is %v, want %v", spec(own), want)
	}
	if _, paused := own.GetAnnotations()[pausedReplicas]; paused || own.GetLabels()[cluster.RevisionLabel] != string(v2.Revision) {
		t.Errorf("metadata %v %v", own.GetAnnotations(), own.GetLabels())
	}
	s.noWrites("checkout", order(v1, v2, 1))

	user = s.scaledObject("checkout") // edits are followed
	if err := unstructured.SetNestedField(user.Object, int64(10), "spec", "maxReplicaCount"); err != nil {
		t.Fatal(err)
	}
	before["maxReplicaCount"] = int64(10)
	if err := s.a.Update(t.Context(), user, client.FieldOwner("kubectl")); err != nil {
		t.Fatal(err)
	}
	s.apply("checkout", order(v1, v2, 1))
	if n := spec(s.scaledObject("checkout-canary"))["maxReplicaCount"]; n != int64(5) {
		t.Errorf("max is %v", n)
	}
	s.settled("checkout", v1)
	s.gone(own, "checkout-canary")
	s.untouched(before)
}

// untouched checks that nothing of the user's ScaledObject is serin's doing.
func (s *stand) untouched(before map[string]any) {
	s.t.Helper()
	user := s.scaledObject("checkout")
	if !reflect.DeepEqual(spec(user), before) {
		s.t.Errorf("the user's ScaledObject became %v, was %v", spec(user), before)
	}
	for _, m := range user.GetManagedFields() {
		if m.Manager == cluster.Manager {
			s.t.Errorf("serin owns of the user's ScaledObject: %s", m.FieldsV1.GetRawString())
		}
	}
}
