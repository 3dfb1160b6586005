package traefik

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// A site is a namespace of a real cluster with a router, and a clock that stands still until it is told to pass.
type site struct {
	*testing.T
	access *cluster.Access
	router *Router
	ns     string
	clock  *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (s *site) pass(d time.Duration) {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	s.clock.now = s.clock.now.Add(d)
}

// newSite has Services for the tracks, whose endpoints go nowhere.
func newSite(t *testing.T) *site {
	t.Helper()
	s := newBareSite(t)
	for _, name := range []string{"shop", "shop-canary", "shop-baseline"} {
		clustertest.Service(t, s.access, s.ns, name)
	}
	return s
}

func newBareSite(t *testing.T) *site {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	access, ns := clustertest.New(t, scheme)
	s := &site{T: t, access: access, ns: ns, clock: &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}}
	access.Now = s.clock.Now
	s.restart()
	return s
}

// restart loses what the process knew.
func (s *site) restart() { s.router = New(s.access) }

func (s *site) target(name string) string { return "Deployment/" + s.ns + "/" + name }

// open lets Services have an endpoint each.
func (s *site) open(services ...string) {
	s.Helper()
	for _, name := range services {
		clustertest.Endpoint(s, s.access, s.ns, name, "http://127.0.0.1:1")
	}
}

// file applies a manifest as a user would.
func (s *site) file(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(bytes.ReplaceAll(text, []byte("NAMESPACE"), []byte(s.ns)), &o.Object); err != nil {
		t.Fatal(err)
	}
	o.SetNamespace(s.ns)
	if err := s.access.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("user")); err != nil {
		t.Fatal(err)
	}
}

func (s *site) find(name string) (*unstructured.Unstructured, error) {
	ts := empty()
	return ts, s.access.Get(s.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, ts)
}

func (s *site) get(name string) *unstructured.Unstructured {
	s.Helper()
	ts, err := s.find(name)
	if err != nil {
		s.Fatal(err)
	}
	return ts
}

// spec expects a TraefikService to say the given JSON.
func (s *site) spec(name, want string) {
	s.Helper()
	got, err := json.Marshal(s.get(name).Object["spec"])
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
	if err := s.router.Apply(s.Context(), s.target("shop"), o); err != nil {
		s.Fatal(err)
	}
}

func (s *site) observe() plan.Route {
	s.Helper()
	seen, err := s.router.Observe(s.Context(), s.target("shop"))
	if err != nil {
		s.Fatal(err)
	}
	return seen
}

func (s *site) problem(o router.Order, reason string) *cluster.Problem {
	s.Helper()
	err := s.router.Apply(s.Context(), s.target("shop"), o)
	p, ok := cluster.AsProblem(err)
	if !ok || p.Reason != reason {
		s.Fatalf("got %v, want a problem %s", err, reason)
	}
	return p
}
