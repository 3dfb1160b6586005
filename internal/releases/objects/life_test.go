package objects_test

import (
	"context"
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
)

// History goes with its Canary, and a Canary of the same name begins anew.
func TestHistoryGoesWithItsCanary(t *testing.T) {
	p := newPlace(t)
	s := objects.New(p.Access)
	r := p.sample(1)
	if err := p.begin(s, r); err != nil {
		t.Fatal(err)
	}
	name := client.ObjectKey{Namespace: p.namespace, Name: "shop-1"}
	o, c := &objects.Release{}, &objects.Canary{}
	if err := errors.Join(p.Live.Get(t.Context(), name, o), p.Live.Get(t.Context(), client.ObjectKey{Namespace: p.namespace, Name: "shop"}, c)); err != nil {
		t.Fatal(err)
	}
	if owner := metav1.GetControllerOf(o); owner == nil || owner.UID != c.UID || *owner.BlockOwnerDeletion {
		t.Errorf("the Release is owned by %+v", owner)
	}
	if c.Status.ObservedGeneration != -1 {
		t.Errorf("a Canary nobody has reported on says generation %d", c.Status.ObservedGeneration)
	}
	if err := p.Client.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	_, target := s.Target(p.key())
	_, _, release := s.Release(r.Name)
	if change := s.Change(r.Name, acted); !errors.Is(target, releases.ErrNotFound) || !errors.Is(release, releases.ErrNotFound) || !errors.Is(change, releases.ErrNotFound) {
		t.Errorf("without its Canary: target %v, release %v, change %v", target, release, change)
	}
	p.create(t, "shop")
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := p.Live.Get(ctx, name, o)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		t.Fatalf("the Release stays: %v", err)
	}
	if err := p.begin(s, r); err != nil {
		t.Errorf("a new Canary of the same name: %v", err)
	}
	if _, _, err := s.Release(r.Name); err != nil {
		t.Errorf("its first release: %v", err)
	}
}
