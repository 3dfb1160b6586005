package clustertest

import (
	"bytes"
	"os"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/cluster"
)

// A Stage is a namespace of the real cluster for a back end to be tested in, and a clock that stands still until it is told to
// pass.
type Stage struct {
	*testing.T
	Access    *cluster.Access
	Namespace string
	clock     *clock
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

// NewStage is New with the kinds of Kubernetes.
func NewStage(t *testing.T) *Stage {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	access, namespace := New(t, scheme)
	s := &Stage{T: t, Access: access, Namespace: namespace, clock: &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}}
	access.Now = s.clock.Now
	return s
}

// RealTime lets the clock of the world count.
func (s *Stage) RealTime() { s.Access.Now = time.Now }

// Pass lets time pass.
func (s *Stage) Pass(d time.Duration) {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	s.clock.now = s.clock.now.Add(d)
}

// During is the stage for a test within the test.
func (s *Stage) During(t *testing.T) *Stage {
	inner := *s
	inner.T = t
	return &inner
}

// Target is the key of a Deployment of the namespace.
func (s *Stage) Target(name string) string { return "Deployment/" + s.Namespace + "/" + name }

// Parse reads a manifest. What says NAMESPACE there is the stage's.
func (s *Stage) Parse(file string) *unstructured.Unstructured {
	s.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(bytes.ReplaceAll(text, []byte("NAMESPACE"), []byte(s.Namespace)), &o.Object); err != nil {
		s.Fatal(err)
	}
	o.SetNamespace(s.Namespace)
	return o
}

// Apply applies a manifest as a user's tool would: server-side, forcing, as Flux and Argo CD do.
func (s *Stage) Apply(manager, file string) *unstructured.Unstructured {
	s.Helper()
	o := s.Parse(file)
	if err := s.Access.Apply(s.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner(manager), client.ForceOwnership); err != nil {
		s.Fatal(err)
	}
	return s.Get(o, o.GetName())
}

// Get reads an object of the kind that another is of, past caches.
func (s *Stage) Get(of *unstructured.Unstructured, name string) *unstructured.Unstructured {
	s.Helper()
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(of.GroupVersionKind())
	if err := s.Access.Live.Get(s.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, o); err != nil {
		s.Fatal(err)
	}
	return o
}

// Problem expects an error to be a problem with that reason.
func (s *Stage) Problem(err error, reason string) *cluster.Problem {
	s.Helper()
	p, ok := cluster.AsProblem(err)
	if !ok || p.Reason != reason {
		s.Fatalf("got %v, want a problem %s", err, reason)
	}
	return p
}
