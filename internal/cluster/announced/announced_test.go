package announced

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"serin.dev/serin/internal/cluster"
)

var service = types.NamespacedName{Namespace: "shop", Name: "cart"}

// A scene is a Service whose EndpointSlice is written by hand.
type scene struct {
	*testing.T
	client.Client
	now   time.Time
	pods  *Pods
	asked atomic.Int64 // how often
}

func newScene(t *testing.T) *scene {
	s := &scene{T: t, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	s.Client = fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			s.asked.Add(1)
			return c.List(ctx, list, o...)
		},
	}).Build()
	s.restart()
	return s
}

// restart begins anew, as a serin does that was killed.
func (s *scene) restart() {
	s.pods = New(&cluster.Access{Client: s.Client, Live: s.Client, Now: func() time.Time { return s.now }})
}

// names lets the slice of a Service name pods; of some of them that they are not ready.
func (s *scene) names(of string, ready bool, names ...string) {
	s.Helper()
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
		Namespace: service.Namespace, Name: of, Labels: map[string]string{discoveryv1.LabelServiceName: of},
	}, AddressType: discoveryv1.AddressTypeIPv4}
	for _, name := range names {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: name, UID: types.UID(name)},
		})
	}
	_ = s.Delete(s.Context(), slice.DeepCopy()) // the first time there is none
	if err := s.Create(s.Context(), slice); err != nil {
		s.Fatal(err)
	}
}

// pod is one that became ready so long ago.
func (s *scene) pod(name string, ready time.Duration) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: name, UID: types.UID(name)},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{{
			Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.now.Add(-ready)),
		}}},
	}
}

func (s *scene) fresh(pods ...*corev1.Pod) []types.UID {
	s.Helper()
	found, err := s.pods.Fresh(s.Context(), service, pods)
	if err != nil {
		s.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}

func (s *scene) want(got []types.UID, reason string, names ...types.UID) {
	s.Helper()
	if !slices.Equal(got, names) {
		s.Errorf("%s: fresh are %v, want %v", reason, got, names)
	}
}

// However long a pod is ready: nobody can send requests to it that its slice does not name, nor all of them at once then.
func TestLateSlices(t *testing.T) {
	s := newScene(t)
	a := s.pod("a", 0)
	s.want(s.fresh(a), "no slice", "a")
	s.now = s.now.Add(time.Minute)
	s.names("cart", false, "a")
	s.names("other", true, "a")
	s.want(s.fresh(a), "named as not ready, and by another Service", "a")
	s.names("cart", true, "a")
	s.now = s.now.Add(latest)
	s.want(s.fresh(a), "named this moment", "a")
	s.now = s.now.Add(spread - time.Millisecond)
	s.want(s.fresh(a), "named a moment ago", "a")
	s.now = s.now.Add(time.Millisecond)
	s.want(s.fresh(a), "named for long enough")
	s.names("cart", true)
	s.want(s.fresh(a), "what was known once is known")
}

// However often serin looks, it does not press an API server that is slow to name a pod; a new pod is asked for at once.
func TestPatience(t *testing.T) {
	s := newScene(t)
	a, b := s.pod("a", 0), s.pod("b", 0)
	look := func(every, within time.Duration, pods ...*corev1.Pod) int64 {
		before := s.asked.Load()
		for end := s.now.Add(within); s.now.Before(end); s.now = s.now.Add(every) {
			s.fresh(pods...)
		}
		return s.asked.Load() - before
	}
	if n := look(100*time.Millisecond, time.Minute, a); n < 10 || n > 14 { // after 0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75, ... seconds
		t.Errorf("asked %d times in a minute, want about twelve", n)
	}
	if n := look(100*time.Millisecond, 100*time.Millisecond, a, b); n != 1 {
		t.Errorf("asked %d times about a new pod, want once", n)
	}
	s.names("cart", true, "a", "b")
	if n := look(100*time.Millisecond, time.Minute, a, b); n != 1 {
		t.Errorf("asked %d times until both were named, want once", n)
	}
	s.want(s.fresh(a, b), "both")
}

// Pods come and go: each has its own time, and one that was not ready in between begins anew.
func TestSeveralPods(t *testing.T) {
	s := newScene(t)
	s.want(s.fresh(), "nobody yet")
	a, b := s.pod("a", 0), s.pod("b", 0)
	s.names("cart", true, "a")
	s.want(s.fresh(a, b), "one is named", "a", "b")
	s.now = s.now.Add(spread)
	s.names("cart", true, "a", "b")
	s.want(s.fresh(a, b), "the other is named later", "b")
	s.now = s.now.Add(spread)
	s.want(s.fresh(a, b), "both")
	b.Status.Conditions[0].Status = corev1.ConditionFalse
	s.want(s.fresh(a, b), "what is not ready is not fresh either")
	b.Status.Conditions[0].Status = corev1.ConditionTrue
	s.want(s.fresh(a, b), "ready again", "b")
}

// Pods that serve for long must not look unready because serin was restarted.
func TestRestart(t *testing.T) {
	s := newScene(t)
	s.names("cart", true, "a", "b")
	s.want(s.fresh(s.pod("a", time.Hour), s.pod("b", 0)), "at the first look", "b")
	s.restart()
	s.now = s.now.Add(spread)
	s.want(s.fresh(s.pod("a", time.Hour), s.pod("b", spread), s.pod("c", time.Hour)), "after a restart", "c")
}

// What is not remembered any more is asked for again.
func TestForget(t *testing.T) {
	s := newScene(t)
	s.names("cart", true, "a")
	s.want(s.fresh(s.pod("a", time.Hour)), "known")
	s.pods.Forget(service.Namespace, service.Name)
	s.names("cart", true)
	s.want(s.fresh(s.pod("a", time.Hour)), "forgotten", "a")
}
