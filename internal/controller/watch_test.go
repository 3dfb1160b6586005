package controller

import (
	"context"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	ctrl "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/releases/objects"
)

// A shelf is a cache of Canaries with the index of their targets.
type shelf struct {
	client.Client
	canaries []*objects.Canary
}

func (s shelf) List(_ context.Context, into client.ObjectList, opts ...client.ListOption) error {
	options := (&client.ListOptions{}).ApplyOptions(opts)
	list := into.(*objects.CanaryList)
	for _, c := range s.canaries {
		target, _ := options.FieldSelector.RequiresExactMatch(objects.TargetIndex)
		if c.Namespace == options.Namespace && target == targetOf(c) {
			list.Items = append(list.Items, *c)
		}
	}
	return nil
}

// What users change wakes every Canary of the target; what the cluster notes wakes the ones that are being released.
func TestWhoIsWoken(t *testing.T) {
	deployment := func(generation, replicas int64) *appsv1.Deployment {
		return &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", Generation: generation},
			Status:     appsv1.DeploymentStatus{ReadyReplicas: int32(replicas)},
		}
	}
	labelled := deployment(1, 2)
	labelled.Labels = map[string]string{"team": "front"}
	other := deployment(2, 2)
	other.Name = "cart"
	for _, c := range []struct {
		why   string
		awake []string
		event any
		want  []string
	}{
		{"it is made", nil, event.CreateEvent{Object: deployment(1, 0)}, []string{"a", "b"}},
		{"it is read for the first time", nil, event.CreateEvent{Object: deployment(1, 0), IsInInitialList: true}, nil},
		{"another template", nil, event.UpdateEvent{ObjectOld: deployment(1, 2), ObjectNew: deployment(2, 2)}, []string{"a", "b"}},
		{"another label", nil, event.UpdateEvent{ObjectOld: deployment(1, 2), ObjectNew: labelled}, []string{"a", "b"}},
		{"a pod got ready, nothing is released", nil, event.UpdateEvent{ObjectOld: deployment(1, 1), ObjectNew: deployment(1, 2)}, nil},
		{"a pod got ready during a release", []string{"a"}, event.UpdateEvent{ObjectOld: deployment(1, 1), ObjectNew: deployment(1, 2)}, []string{"a"}},
		{"a pod got ready during another's", []string{"z"}, event.UpdateEvent{ObjectOld: deployment(1, 1), ObjectNew: deployment(1, 2)}, nil},
		{"it is deleted", nil, event.DeleteEvent{Object: deployment(1, 2)}, []string{"a", "b"}},
		{"another Deployment", []string{"a"}, event.CreateEvent{Object: other}, nil},
	} {
		canaries := newCanaries()
		canaries.Access = &cluster.Access{Client: shelf{canaries: []*objects.Canary{canaryNamed("a", checkout, 0), canaryNamed("b", checkout, 0)}}}
		for _, name := range c.awake {
			canaries.watchful.wakes(keyOf(canaryNamed(name, checkout, 0)))
		}
		handler := canaries.concerned(cluster.Watch{Targets: func(_ context.Context, _ *cluster.Access, o client.Object) []string {
			return []string{cluster.Key{Kind: "Deployment", Namespace: o.GetNamespace(), Name: o.GetName()}.String()}
		}})
		q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]())
		switch e := c.event.(type) {
		case event.CreateEvent:
			handler.Create(t.Context(), e, q)
		case event.UpdateEvent:
			handler.Update(t.Context(), e, q)
		case event.DeleteEvent:
			handler.Delete(t.Context(), e, q)
		}
		var woken []string
		for q.Len() > 0 {
			r, _ := q.Get()
			woken = append(woken, r.Name)
			q.Done(r)
			if !canaries.watchful.touched(r.NamespacedName) {
				t.Errorf("%s: %s is woken and looks at nothing", c.why, r.Name)
			}
		}
		q.ShutDown()
		if slices.Sort(woken); !slices.Equal(woken, c.want) {
			t.Errorf("%s: woken are %v, want %v", c.why, woken, c.want)
		}
	}
}
