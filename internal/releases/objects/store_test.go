package objects_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/conformance"
	"serin.dev/serin/internal/releases/objects"
)

func scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	if err := objects.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// A place is a namespace of a real cluster with a Canary in it, which names a Deployment.
type place struct {
	*cluster.Access
	namespace string
}

func newPlace(t testing.TB) place {
	t.Helper()
	clustertest.Install(t)
	access, namespace := clustertest.New(t, scheme(t))
	c := client.NewNamespacedClient(access.Client, namespace)
	access.Client, access.Live = c, c
	p := place{access, namespace}
	p.create(t, "shop")
	return p
}

func (p place) create(t testing.TB, name string) {
	t.Helper()
	spec := json.RawMessage(`{"target":{"kind":"Deployment","name":"shop"}}`)
	c := &objects.Canary{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: name}, Spec: spec}
	if err := p.Client.Create(t.Context(), c); err != nil {
		t.Fatalf("create Canary %s: %v", name, err)
	}
}

func (p place) owner() string { return p.namespace + "/shop" }
func (p place) key() string   { return "Deployment/" + p.namespace + "/shop" }

func (p place) sample(number int) releases.Release {
	r := conformance.Sample(number)
	r.Name, r.Canary, r.Target, r.Plan.Target = releases.Name(p.owner(), number), p.owner(), p.key(), p.key()
	return r
}

// begin begins a release as reconcile does.
func (p place) begin(s releases.Store, r releases.Release) error {
	return s.Begin(r, func(t *releases.Target) error {
		if t.Number != r.Number-1 {
			return fmt.Errorf("the target has moved on to number %d", t.Number)
		}
		t.Owner, t.Full, t.Latest, t.Number = r.Canary, 4, r.Name, r.Number
		return nil
	})
}

func TestConformance(t *testing.T) {
	conformance.RunNamed(t, func(t *testing.T) conformance.Subject {
		p := newPlace(t)
		return conformance.Subject{Store: objects.New(p.Access), Owner: p.owner(), Key: p.key()}
	})
}

// A mortal client dies at a write: before it, or after it and before the answer. What comes later does not happen at all.
type mortal struct {
	client.Client
	left   int  // writes until it dies
	landed bool // the last write is done all the same
	dead   bool
}

var errDead = errors.New("the process is dead")

func (m *mortal) do(write func() error) error {
	if m.dead {
		return errDead
	}
	if m.left--; m.left >= 0 {
		return write()
	}
	m.dead = true
	if m.landed {
		_ = write()
	}
	return errDead
}

func (m *mortal) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	return m.do(func() error { return m.Client.Create(ctx, o, opts...) })
}

func (m *mortal) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	return m.do(func() error { return m.Client.Delete(ctx, o, opts...) })
}

func (m *mortal) Status() client.SubResourceWriter { return mortalStatus{m.Client.Status(), m} }

type mortalStatus struct {
	client.SubResourceWriter
	m *mortal
}

func (s mortalStatus) Patch(ctx context.Context, o client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	return s.m.do(func() error { return s.SubResourceWriter.Patch(ctx, o, patch, opts...) })
}

// A process dies at each write of three releases, before or after it; the next one takes up what it finds and ends where a
// process that never died does.
func TestCrashAtEveryWrite(t *testing.T) {
	p := newPlace(t)
	number, writes := 0, 0
	for ; ; writes++ {
		alive := 0
		for _, landed := range []bool{false, true} {
			m := &mortal{Client: p.Client, left: writes, landed: landed}
			begun := writes > 1 || landed // or at least made, so that it is taken over
			number = p.life(t, m, number, begun, fmt.Sprintf("death at write %d, landed %v", writes+1, landed))
			if !m.dead {
				alive++
			}
		}
		if alive == 2 {
			break
		}
	}
	if writes < 6 {
		t.Errorf("a life has %d writes; the test looked at too little", writes)
	}
}

// life lets a mortal process carry a release through, and an immortal one go on where it died. It returns the number of the
// last release. Where the first one has begun nothing, the second begins what is asked for by then.
func (p place) life(t *testing.T, m *mortal, before int, begun bool, what string) int {
	t.Helper()
	dying := *p.Access
	dying.Client = m
	if err := p.course(objects.New(&dying), before, 0, 0); err != nil && !m.dead {
		t.Fatalf("%s: %v", what, err)
	}
	s := objects.New(p.Access) // nothing of the first process is left but the cluster
	for again := range 2 {
		spec := 0 // what was left behind is taken over, or, where the spec has changed, replaced
		if !m.landed {
			spec = 1
		}
		if err := p.course(s, before, again+1, spec); err != nil {
			t.Fatalf("%s: the next process: %v", what, err)
		}
	}
	target, err := s.Target(p.key())
	if err != nil || target.Number != before+1 || target.Stable != "v2" || target.Latest != releases.Name(p.owner(), before+1) {
		t.Fatalf("%s: target %+v, %v", what, target, err)
	}
	lines := 0
	for _, line := range target.History {
		if line.Release == target.Latest {
			lines++
		}
	}
	r, status, err := s.Release(target.Latest)
	if begun == slices.Contains(r.Groups["sre"], "person1") {
		t.Errorf("%s: the release is for %v", what, r.Groups)
	}
	if err != nil || lines != 1 || status.Position.Phase != plan.Succeeded || status.Position.Acted != 1 {
		t.Fatalf("%s: %d lines of history; status %+v, %v", what, lines, status, err)
	}
	return target.Number
}

// course is what a controller does until the release stands, as far as it is not done yet. Each process has a clock of its
// own; spec is what was asked for meanwhile, which may make the beginning another one.
func (p place) course(s releases.Store, before, process, spec int) error {
	r := p.sample(before + 1)
	r.Created = r.Created.Add(time.Duration(process) * time.Minute)
	r.Groups["sre"] = append(r.Groups["sre"], fmt.Sprint("person", spec))
	target, err := s.Target(p.key())
	if err != nil && !errors.Is(err, releases.ErrNotFound) {
		return err
	}
	if target.Number == before {
		if err := p.begin(s, r); err != nil {
			return err
		}
	}
	r, status, err := s.Release(r.Name)
	if err != nil {
		return err
	}
	if status.Position.Acted == 0 {
		if err := s.Change(r.Name, func(s *releases.Status) error {
			s.Position.Phase, s.Position.Acted = plan.Progressing, 1
			return nil
		}); err != nil {
			return err
		}
	}
	if !status.Position.Phase.Over() {
		if err := s.Conclude(r.Name, func(status *releases.Status, t *releases.Target) error {
			status.Position.Phase, status.Position.Step = plan.Succeeded, len(r.Plan.Steps)-1
			t.Close(r, status.Position)
			return nil
		}); err != nil {
			return err
		}
	}
	if _, err := s.Target(p.key()); err != nil {
		return err
	}
	return s.ChangeTarget(p.key(), func(t *releases.Target) error {
		t.Full = 5 + process // makes a repair last
		return nil
	})
}
