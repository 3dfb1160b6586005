package controller

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/releases/objects"
)

// Setup puts the controllers into a manager. wake brings Canaries that are to be looked at.
func (c *Canaries) Setup(m manager.Manager, workers int, watches []cluster.Watch, wake <-chan event.GenericEvent) error {
	if err := m.GetFieldIndexer().IndexField(context.Background(), &objects.Action{}, canaryIndex, canaryOf); err != nil {
		return fmt.Errorf("index Actions by Canary: %w", err)
	}
	ours := builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, leaving{}))
	canaries, err := builder.ControllerManagedBy(m).Named("canary").
		For(&objects.Canary{}, ours).
		Watches(&objects.Action{}, c.acted()).
		WatchesRawSource(source.Channel(wake, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Build(c)
	if err != nil {
		return fmt.Errorf("set up the Canary controller: %w", err)
	}
	// Releases change when something was recorded, and only then may there be something new to tell.
	if err := builder.ControllerManagedBy(m).Named("herald").
		For(&objects.Canary{}, ours).
		Owns(&objects.Release{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(Herald{c}); err != nil {
		return fmt.Errorf("set up the herald: %w", err)
	}
	return m.Add(&lookout{c: c, manager: m, controller: canaries, watches: watches})
}

// leaving lets through that a Canary is to be deleted.
type leaving struct{ predicate.Funcs }

func (leaving) Update(e event.UpdateEvent) bool {
	return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
}

// A lookout watches the kinds that back ends are made of: at once those the cluster knows, later those whose CRDs come later.
type lookout struct {
	c          *Canaries
	manager    manager.Manager
	controller controller.Controller
	watches    []cluster.Watch
}

// kindsEvery is how often it is asked whether the cluster knows a kind by now.
const kindsEvery = time.Minute

// NeedLeaderElection: who does not lead has nobody to wake.
func (l *lookout) NeedLeaderElection() bool { return true }

// Start watches until the context ends.
func (l *lookout) Start(ctx context.Context) error {
	left := l.watches
	for {
		left = l.begin(ctx, left)
		t := time.NewTimer(kindsEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// begin starts what can be watched and returns the rest.
func (l *lookout) begin(ctx context.Context, watches []cluster.Watch) []cluster.Watch {
	var left []cluster.Watch
	for _, w := range watches {
		gvk, err := l.manager.GetClient().GroupVersionKindFor(w.Object)
		if err == nil {
			_, err = l.manager.GetRESTMapper().RESTMapping(gvk.GroupKind(), gvk.Version)
		}
		if err == nil {
			err = l.controller.Watch(source.Kind(l.manager.GetCache(), w.Object, l.c.concerned(w)))
		}
		if err != nil {
			left = append(left, w)
			if !meta.IsNoMatchError(err) && ctx.Err() == nil {
				l.c.Log.Warn("a kind cannot be watched yet", "kind", gvk.String(), "error", err)
			}
		}
	}
	return left
}
