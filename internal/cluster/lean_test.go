package cluster

import (
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

func TestLean(t *testing.T) {
	full := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Name: "checkout", Annotations: map[string]string{lastApplied: "{}", "team": "front"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}}
	full.Spec.Template.Annotations = map[string]string{lastApplied: "part of the template"}
	want := full.DeepCopy()
	want.ManagedFields, want.Annotations = nil, map[string]string{"team": "front"}
	for range 2 { // what was trimmed is trimmed again at a resync
		if got, err := Lean(full); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("kept %+v, %v", got, err)
		}
	}
	gone := cache.DeletedFinalStateUnknown{Key: "shop/checkout"}
	if got, err := Lean(gone); err != nil || got != any(gone) {
		t.Errorf("a tombstone became %+v, %v", got, err)
	}
}
