package traefik

import (
	"encoding/json"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// A site is a stage with a router.
type site struct {
	*clustertest.Stage
	router *Router
}

// newSite has Services for the tracks, whose endpoints go nowhere.
func newSite(t *testing.T) *site {
	t.Helper()
	s := newBareSite(t)
	for _, name := range []string{"shop", "shop-canary", "shop-baseline"} {
		clustertest.Service(t, s.Access, s.Namespace, name)
	}
	return s
}

func newBareSite(t *testing.T) *site {
	t.Helper()
	s := &site{Stage: clustertest.NewStage(t)}
	s.restart()
	return s
}

// restart loses what the process knew.
func (s *site) restart() { s.router = New(s.Access) }

// open lets Services have an endpoint each.
func (s *site) open(services ...string) {
	s.Helper()
	for _, name := range services {
		clustertest.Endpoint(s, s.Access, s.Namespace, name, clustertest.Nowhere)
	}
}

func (s *site) find(name string) (*unstructured.Unstructured, error) {
	ts := empty()
	return ts, s.Access.Get(s.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, ts)
}

// spec expects a TraefikService to say the given JSON.
func (s *site) spec(name, want string) {
	s.Helper()
	got, err := json.Marshal(s.Get(empty(), name).Object["spec"])
	if err != nil {
		s.Fatal(err)
	}
	if string(got) != want {
		s.Errorf("%s says\n%s\nwant\n%s", name, got, want)
	}
}

func (s *site) isGone(name string) {
	s.Helper()
	if _, err := s.find(name); !apierrors.IsNotFound(err) {
		s.Errorf("%s is still there: %v", name, err)
	}
}

func split(canary plan.Share) plan.Traffic {
	return plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}}
}

func mirrored(canary, share plan.Share) plan.Traffic {
	t := split(canary)
	t.Mirror = &plan.Mirror{Track: plan.Canary, Share: share}
	return t
}

func sticky(canary plan.Share, salt string) plan.Traffic {
	t := split(canary)
	t.Sticky = &plan.Sticky{Cookie: "user", Salt: salt, MaxAge: time.Hour}
	return t
}

func ordered(t plan.Traffic, with ...string) router.Order {
	o := router.Order{
		Traffic:  t,
		Pools:    map[plan.TrackName]plan.PoolName{plan.Stable: "stable", plan.Canary: "canary"},
		Services: map[plan.TrackName]string{plan.Stable: "shop", plan.Canary: "shop-canary"},
	}
	for _, w := range with {
		o.With = json.RawMessage(w)
	}
	return o
}

func (s *site) order(o router.Order) {
	s.Helper()
	if err := s.router.Apply(s.Context(), s.Target("shop"), o); err != nil {
		s.Fatal(err)
	}
}

func (s *site) observe() plan.Route {
	s.Helper()
	seen, err := s.router.Observe(s.Context(), s.Target("shop"))
	if err != nil {
		s.Fatal(err)
	}
	return seen
}

func (s *site) problem(o router.Order, reason string) *cluster.Problem {
	s.Helper()
	return s.Stage.Problem(s.router.Apply(s.Context(), s.Target("shop"), o), reason)
}
