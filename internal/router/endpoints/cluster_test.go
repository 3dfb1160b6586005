package endpoints

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// crewed is a Service with pods of both tracks, which answer nobody.
func (s *site) crewed(stable, canary int) router.Order {
	s.Helper()
	s.clear()
	node := clustertest.Node(s.T, s.Access)
	o := router.Order{
		With:      json.RawMessage(`{"selector": {"track": "stable"}}`),
		Pools:     map[plan.TrackName]plan.PoolName{plan.Stable: "v1", plan.Canary: "v2"},
		Endpoints: map[plan.TrackName][]plan.Endpoint{},
	}
	for track, n := range map[plan.TrackName]int{plan.Stable: stable, plan.Canary: canary} {
		for i := range n {
			name := fmt.Sprintf("%s-%d", track, i)
			clustertest.Pod(s.T, s.Access, node, types.NamespacedName{Namespace: s.Namespace, Name: name}, map[string]string{"track": string(track)}, clustertest.Nowhere)
			o.Endpoints[track] = append(o.Endpoints[track], plan.Endpoint{Instance: name})
		}
	}
	return o
}

func (s *site) order(o router.Order, canary plan.Share) {
	s.Helper()
	o.Traffic = plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}}
	if err := s.router.Apply(s.Context(), s.Target("shop"), o); err != nil {
		s.Fatal(err)
	}
}

// stand says whose pods stand, by who writes their slices.
func (s *site) stand() map[string]int {
	s.Helper()
	var list discoveryv1.EndpointSliceList
	if err := s.Access.Live.List(s.Context(), &list, client.InNamespace(s.Namespace)); err != nil {
		s.Fatal(err)
	}
	all := map[string]int{}
	for _, slice := range list.Items {
		for _, e := range slice.Endpoints {
			if serves(e) {
				all[slice.Labels[discoveryv1.LabelManagedBy]+" "+slice.Labels[cluster.TrackLabel]]++
			}
		}
	}
	return all
}

func (s *site) service() *corev1.Service {
	s.Helper()
	service := &corev1.Service{}
	if err := s.Access.Live.Get(s.Context(), client.ObjectKey{Namespace: s.Namespace, Name: "shop"}, service); err != nil {
		s.Fatal(err)
	}
	return service
}

// One release of the Service: Kubernetes has it before and after, and serin in between, also where serin begins anew.
func TestTheServiceGoesFromHandToHand(t *testing.T) {
	s := newSite(t)
	o := s.crewed(4, 2)
	home := func(reason string) {
		t.Helper()
		s.await(reason, func() bool {
			s.order(o, 0)
			stand := s.stand()
			return len(stand) == 1 && stand[usual+" "] == 4
		})
		if s.service().Spec.Selector["track"] != "stable" {
			t.Errorf("%s: the selector is %v", reason, s.service().Spec.Selector)
		}
	}
	home("Kubernetes to have it")
	s.restart()
	for _, step := range []struct {
		canary         plan.Share
		stable, second int
	}{{200, 4, 1}, {500, 2, 2}, {1000, 0, 2}, {330, 4, 2}} {
		s.await(fmt.Sprint(step), func() bool {
			s.order(o, step.canary)
			stand := s.stand()
			return stand[serin+" stable"] == step.stable && stand[serin+" canary"] == step.second && stand[usual+" "] == 0
		})
		s.restart()
		if seen, err := s.router.Observe(t.Context(), s.Target("shop")); err != nil || seen.Traffic.Shares[plan.Canary] != step.canary || seen.Pool(plan.Canary) != "v2" {
			t.Errorf("%v: another process sees %+v, %v", step, seen, err)
		}
		if selector := s.service().Spec.Selector; selector != nil {
			t.Errorf("%v: the Service has the selector %v", step, selector)
		}
	}
	home("Kubernetes to have it again")
	if err := s.router.Restore(t.Context(), s.Target("shop")); err != nil {
		t.Fatal(err)
	}
	if left := s.service(); left.Annotations[cluster.TrafficAnnotation] != "" || left.Spec.Selector == nil {
		t.Errorf("let go with %v and %v", left.Annotations, left.Spec.Selector)
	}
}

// Ejecting in the middle leaves the Service with Kubernetes, which has everybody by then.
func TestEjectingInTheMiddle(t *testing.T) {
	s := newSite(t)
	s.RealTime()
	o := s.crewed(3, 1)
	s.order(o, 250)
	if err := s.router.Restore(t.Context(), s.Target("shop")); err != nil {
		t.Fatal(err)
	}
	if stand := s.stand(); len(stand) != 1 || stand[usual+" "] != 3 {
		t.Errorf("left with %v", stand)
	}
}

func TestOthersWritersAreRefused(t *testing.T) {
	s := newSite(t)
	o := s.crewed(1, 1)
	o.Traffic = plan.Traffic{Shares: plan.Shares{plan.Stable: 500, plan.Canary: 500}}
	problem := func(reason string) {
		t.Helper()
		s.Problem(s.router.Apply(t.Context(), s.Target("shop"), o), reason)
	}
	service := s.service()
	service.Spec.Selector = map[string]string{"track": "stable"}
	if err := s.Access.Update(t.Context(), service, client.FieldOwner("user")); err != nil {
		t.Fatal(err)
	}
	problem(cluster.RouteTaken)
	if s.service().Annotations[cluster.TrafficAnnotation] != "" {
		t.Error("the order was refused and noted")
	}
	s.clear()
	clustertest.Endpoint(t, s.Access, s.Namespace, "shop", clustertest.Nowhere)
	problem(cluster.RouteTaken)
	clustertest.NoEndpoints(t, s.Access, s.Namespace)
	o.With = json.RawMessage(`{"service": "cart"}`)
	problem(cluster.RouteNotFound)
}

// What the clock says counts, not when somebody looks.
func TestDataPlanesMayLagBehind(t *testing.T) {
	s := newSite(t)
	o := s.crewed(1, 1)
	s.order(o, 500)
	pending := func() string {
		seen, err := s.router.Observe(t.Context(), s.Target("shop"))
		if err != nil {
			t.Fatal(err)
		}
		return seen.Pending
	}
	s.Pass(1999 * time.Millisecond)
	if pending() == "" {
		t.Error("data planes are believed too early")
	}
	s.Pass(time.Millisecond)
	if text := pending(); text != "" {
		t.Errorf("still pending: %s", text)
	}
	gone := o.Endpoints[plan.Canary]
	o.Endpoints[plan.Canary] = slices.Clone(gone[:0])
	s.order(o, 500)
	if seen, err := s.router.Observe(t.Context(), s.Target("shop")); err != nil || seen.Traffic.Shares[plan.Canary] != 0 || s.stand()[serin+" stable"] != 1 {
		t.Errorf("without a canary stable serves alone: %+v, %v, %v", seen, s.stand(), err)
	}
}
