package controller

import (
	"context"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/releases/objects"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// concerned queues the Canaries whose targets an object concerns. A Canary that sleeps is woken by what users change, not by
// what a cluster writes into the status of its objects all day.
func (c *Canaries) concerned(w cluster.Watch) handler.EventHandler {
	wake := func(ctx context.Context, o client.Object, q queue, who func(types.NamespacedName) bool) {
		for _, target := range c.targets(ctx, w, o) {
			for _, key := range c.owners(ctx, target) {
				if who(key) {
					c.watchful.touch(key)
					q.Add(reconcile.Request{NamespacedName: key})
				}
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			if !e.IsInInitialList { // every Canary is looked at in the beginning anyway
				wake(ctx, e.Object, q, everybody)
			}
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			switch {
			case asked(e):
				wake(ctx, e.ObjectNew, q, everybody)
			case c.watchful.count() > 0:
				wake(ctx, e.ObjectNew, q, c.watchful.up)
			}
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { wake(ctx, e.Object, q, everybody) },
	}
}

func everybody(types.NamespacedName) bool { return true }

// asked reports whether somebody asks something else of the object than before. Objects without a generation count as such.
func asked(e event.UpdateEvent) bool {
	a, b := e.ObjectOld, e.ObjectNew
	return b.GetGeneration() == 0 || a.GetGeneration() != b.GetGeneration() ||
		!maps.Equal(a.GetAnnotations(), b.GetAnnotations()) || !maps.Equal(a.GetLabels(), b.GetLabels())
}

func (c *Canaries) targets(ctx context.Context, w cluster.Watch, o client.Object) []string {
	if w.Targets != nil {
		return w.Targets(ctx, c.Access, o)
	}
	kind, name, ok := strings.Cut(o.GetLabels()[cluster.TargetLabel], ".")
	if !ok {
		return nil
	}
	var targets []string
	for known := range c.Workloads {
		if strings.EqualFold(known, kind) {
			targets = append(targets, cluster.Key{Kind: known, Namespace: o.GetNamespace(), Name: name}.String())
		}
	}
	return targets
}

// owners lists the Canaries that name a target.
func (c *Canaries) owners(ctx context.Context, target string) []types.NamespacedName {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return nil
	}
	var all objects.CanaryList
	if err := c.Access.List(ctx, &all, client.InNamespace(key.Namespace), ofTarget(target), client.UnsafeDisableDeepCopy); err != nil { // only their names are read
		c.Log.Warn("the Canaries of a target could not be listed", "target", target, "error", err)
		return nil
	}
	var owners []types.NamespacedName
	for i := range all.Items {
		owners = append(owners, keyOf(&all.Items[i]))
	}
	return owners
}

// acted queues the Canary that an Action names.
func (c *Canaries) acted() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		a, ok := o.(*objects.Action)
		if !ok || a.Status.State != "" {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: a.Namespace, Name: a.Spec.Canary}}}
	})
}

// PodChanged wakes the Canaries of a target whose pods have changed.
func (c *Canaries) PodChanged(wake chan<- event.GenericEvent, target string) {
	for _, key := range c.owners(context.Background(), target) {
		canary := &objects.Canary{}
		canary.Namespace, canary.Name = key.Namespace, key.Name
		select {
		case wake <- event.GenericEvent{Object: canary}:
		default: // as many are queued already; the loop comes by soon in any case
		}
	}
}
