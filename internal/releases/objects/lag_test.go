package objects_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
)

// A lagging client reads as a cache does whose watch has stopped: while it is frozen it knows what was there before.
type lagging struct {
	client.Client
	frozen   bool
	canaries map[client.ObjectKey]objects.Canary
	releases map[client.ObjectKey]objects.Release
}

func (l *lagging) freeze(t *testing.T) {
	t.Helper()
	var canaries objects.CanaryList
	var list objects.ReleaseList
	if err := errors.Join(l.Client.List(t.Context(), &canaries), l.Client.List(t.Context(), &list)); err != nil {
		t.Fatal(err)
	}
	l.canaries, l.releases, l.frozen = map[client.ObjectKey]objects.Canary{}, map[client.ObjectKey]objects.Release{}, true
	for _, c := range canaries.Items {
		l.canaries[client.ObjectKeyFromObject(&c)] = c
	}
	for _, r := range list.Items {
		l.releases[client.ObjectKeyFromObject(&r)] = r
	}
}

func (l *lagging) Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	if !l.frozen {
		return l.Client.Get(ctx, key, into, opts...)
	}
	found := false
	switch into := into.(type) {
	case *objects.Canary:
		if c, ok := l.canaries[key]; ok {
			c.DeepCopyInto(into)
			found = true
		}
	case *objects.Release:
		if r, ok := l.releases[key]; ok {
			r.DeepCopyInto(into)
			found = true
		}
	}
	if !found {
		return apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.Group}, key.Name)
	}
	return nil
}

func (l *lagging) List(ctx context.Context, into client.ObjectList, opts ...client.ListOption) error {
	list, ok := into.(*objects.CanaryList)
	if !l.frozen || !ok {
		return l.Client.List(ctx, into, opts...)
	}
	for _, c := range l.canaries {
		list.Items = append(list.Items, *c.DeepCopy())
	}
	return nil
}

func acted(s *releases.Status) error {
	s.Position.Phase, s.Position.Acted = plan.Progressing, s.Position.Acted+1
	return nil
}

// Nothing that was written goes back in time while the cache stands still.
func TestReadsAfterWritesDoNotGoBack(t *testing.T) {
	p := newPlace(t)
	slow := &lagging{Client: p.Client}
	late := *p.Access
	late.Client = slow
	s := objects.New(&late)
	slow.freeze(t)
	first := p.sample(1)
	for number := 1; number <= 2; number++ {
		r := p.sample(number)
		if err := p.begin(s, r); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 3; n++ {
			if err := s.Change(r.Name, acted); err != nil {
				t.Fatal(err)
			}
			if _, status, err := s.Release(r.Name); err != nil || status.Position.Acted != n {
				t.Fatalf("release %d, change %d: %+v, %v", number, n, status.Position, err)
			}
		}
		if err := s.Conclude(r.Name, func(status *releases.Status, t *releases.Target) error {
			status.Position.Phase = plan.Returned
			t.Close(r, status.Position)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		all, err := s.Targets()
		if err != nil || len(all) != 1 || all[0].Number != number || len(all[0].History) != number {
			t.Fatalf("release %d: targets %+v, %v", number, all, err)
		}
	}
	slow.frozen = false
	slow.freeze(t) // the cache has seen all that
	if err := s.Forget(first.Name); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Release(first.Name); !errors.Is(err, releases.ErrNotFound) {
		t.Errorf("a release that was forgotten is still shown: %v", err)
	}
	if names, err := s.Releases(); err != nil || !reflect.DeepEqual(names, []string{p.sample(2).Name}) {
		t.Errorf("releases %v, %v", names, err)
	}
}

// Another process was faster: its change is kept, and ours is made on top of it.
func TestNobodysChangeIsLost(t *testing.T) {
	p := newPlace(t)
	slow := &lagging{Client: p.Client}
	late := *p.Access
	late.Client = slow
	ours, others := objects.New(&late), objects.New(p.Access)
	r := p.sample(1)
	if err := p.begin(others, r); err != nil {
		t.Fatal(err)
	}
	slow.freeze(t)
	if err := others.Change(r.Name, acted); err != nil {
		t.Fatal(err)
	}
	if err := ours.Change(r.Name, acted); err != nil {
		t.Fatal(err)
	}
	if _, status, err := ours.Release(r.Name); err != nil || status.Position.Acted != 2 {
		t.Errorf("%d of 2 changes were kept, %v", status.Position.Acted, err)
	}
	full := func(n int) func(*releases.Target) error {
		return func(t *releases.Target) error {
			t.Full += n
			return nil
		}
	}
	if err := errors.Join(others.ChangeTarget(p.key(), full(10)), ours.ChangeTarget(p.key(), full(100))); err != nil {
		t.Fatal(err)
	}
	if target, err := ours.Target(p.key()); err != nil || target.Full != 114 {
		t.Errorf("full size %d, %v; want 4 and both changes", target.Full, err)
	}
	if err := others.Change(r.Name, acted); err != nil {
		t.Fatal(err)
	}
	if err := ours.Conclude(r.Name, func(status *releases.Status, t *releases.Target) error {
		status.Position.Phase = plan.Succeeded
		t.Close(r, status.Position)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, status, err := others.Release(r.Name); err != nil || status.Position.Acted != 3 || status.Position.Phase != plan.Succeeded {
		t.Errorf("after the conclusion: %+v, %v", status.Position, err)
	}
}

// The second of two processes that begin the same number is told, and leaves nothing behind.
func TestOnlyOneBegins(t *testing.T) {
	p := newPlace(t)
	slow := &lagging{Client: p.Client}
	late := *p.Access
	late.Client = slow
	ours, others := objects.New(&late), objects.New(p.Access)
	slow.freeze(t)
	if err := p.begin(others, p.sample(1)); err != nil {
		t.Fatal(err)
	}
	r := p.sample(1)
	r.Plan.Canary = "v3"
	if err := p.begin(ours, r); err == nil {
		t.Error("two processes have begun the same release")
	}
	if r, _, err := others.Release(p.sample(1).Name); err != nil || r.Plan.Canary != "v2" {
		t.Errorf("the release that had begun is %v, %v", r.Plan.Canary, err)
	}
}

func TestSecondCanaryOfATargetIsToldWhoOwnsIt(t *testing.T) {
	p := newPlace(t)
	p.create(t, "other")
	s := objects.New(p.Access)
	if err := p.begin(s, p.sample(1)); err != nil {
		t.Fatal(err)
	}
	r := p.sample(2)
	r.Canary, r.Name = p.namespace+"/other", p.namespace+"/other-2"
	if err := p.begin(s, r); err == nil || err.Error() != "begin release "+r.Name+": target "+p.key()+" is owned by Canary "+p.owner() {
		t.Errorf("got %v", err)
	}
}

// With the cache of a real controller: reads are as fresh as writes, those that are over are found although they are not
// cached, and what is said to people does not touch the record.
func TestWithARealCache(t *testing.T) {
	p := newPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	kept, err := cache.New(clustertest.Config(t), cache.Options{
		Scheme: p.Scheme(), DefaultNamespaces: map[string]cache.Config{p.namespace: {}}, ByObject: objects.Cached(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cached, err := client.New(clustertest.Config(t), client.Options{Scheme: p.Scheme(), Cache: &client.CacheOptions{Reader: kept}})
	if err != nil {
		t.Fatal(err)
	}
	access := *p.Access
	access.Client = cached
	s := objects.New(&access)
	if err := s.Index(ctx, kept); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- kept.Start(ctx) }()
	if !kept.WaitForCacheSync(ctx) {
		t.Fatal("the cache does not begin")
	}
	for number := 1; number <= 10; number++ {
		r := p.sample(number)
		if err := p.begin(s, r); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 5; n++ {
			if err := s.Change(r.Name, acted); err != nil {
				t.Fatal(err)
			}
			if _, status, err := s.Release(r.Name); err != nil || status.Position.Acted != n {
				t.Fatalf("release %d, change %d: %+v, %v", number, n, status.Position, err)
			}
			if err := s.Report(ctx, p.owner(), func(before v1alpha1.CanaryStatus, _ int64) v1alpha1.CanaryStatus {
				before.Message, before.Record = time.Duration(n).String(), nil
				return before
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Conclude(r.Name, func(status *releases.Status, t *releases.Target) error {
			status.Position.Phase = plan.Succeeded
			t.Close(r, status.Position)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if target, err := s.Target(p.key()); err != nil || len(target.History) != number || target.Latest != r.Name {
			t.Fatalf("release %d: target %+v, %v", number, target, err)
		}
		if _, status, err := s.Release(r.Name); err != nil || !status.Position.Phase.Over() {
			t.Fatalf("release %d is over and is %+v, %v", number, status.Position, err)
		}
	}
	again := objects.New(&access) // knows nothing yet but the index of the same cache
	if target, err := again.Target(p.key()); err != nil || target.Number != 10 {
		t.Errorf("a new process: target %+v, %v", target, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What changes nothing is not written.
func TestNothingNewIsNotWritten(t *testing.T) {
	p := newPlace(t)
	if err := p.begin(objects.New(p.Access), p.sample(1)); err != nil {
		t.Fatal(err)
	}
	m := &mortal{Client: p.Client} // dies at the first write
	frail := *p.Access
	frail.Client = m
	s := objects.New(&frail)
	err := errors.Join(
		s.Change(p.sample(1).Name, func(*releases.Status) error { return nil }),
		s.ChangeTarget(p.key(), func(*releases.Target) error { return nil }),
		s.Conclude(p.sample(1).Name, func(*releases.Status, *releases.Target) error { return nil }),
		s.Report(t.Context(), p.owner(), func(s v1alpha1.CanaryStatus, _ int64) v1alpha1.CanaryStatus { return s }),
	)
	if err != nil || m.dead {
		t.Errorf("something was written: %v", err)
	}
}

// A reader that counts what it is asked.
type counting struct {
	client.Reader
	asked int
}

func (c *counting) Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	c.asked++
	return c.Reader.Get(ctx, key, into, opts...)
}

// The cache does not hold a release that is over, and rounds of its aftermath read it again and again: that asks nobody.
func TestReleaseThatIsOverNeedsNoAsking(t *testing.T) {
	p := newPlace(t)
	slow, live := &lagging{Client: p.Client}, &counting{Reader: p.Access.Live}
	late := *p.Access
	late.Client, late.Live = slow, live
	s := objects.New(&late)
	slow.freeze(t)
	r := p.sample(1)
	if err := p.begin(s, r); err != nil {
		t.Fatal(err)
	}
	if err := s.Conclude(r.Name, func(status *releases.Status, t *releases.Target) error {
		status.Position.Phase = plan.Succeeded
		t.Close(r, status.Position)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	before := live.asked
	for range 3 {
		if _, status, err := s.Release(r.Name); err != nil || status.Position.Phase != plan.Succeeded {
			t.Fatalf("%+v, %v", status.Position, err)
		}
	}
	if n := live.asked - before; n > 0 {
		t.Errorf("the API server was asked %d times", n)
	}
}
