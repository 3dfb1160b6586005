package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
	"serin.dev/serin/internal/workload"
)

// finalizer keeps a Canary until serin's hands are off its target: a Deployment left paused would never roll out again.
const finalizer = "serin.dev/hands-off"

const (
	patience = 10 * time.Minute // until a Canary that cannot be left cleanly goes all the same
	lastTry  = 5 * time.Second  // for what is left when it has to go
	lookBack = 2 * time.Second
)

// hold makes sure that a Canary is not gone before its target was let go.
func (c *Canaries) hold(ctx context.Context, canary *objects.Canary) error {
	if controllerutil.ContainsFinalizer(canary, finalizer) {
		return nil
	}
	before := client.MergeFromWithOptions(canary.DeepCopy(), client.MergeFromWithOptimisticLock{})
	controllerutil.AddFinalizer(canary, finalizer)
	if err := c.Access.Patch(ctx, canary, before); err != nil {
		return fmt.Errorf("hold %s: %w", objectName(canary), err)
	}
	c.Store.Noted(canary)
	return nil
}

// leave takes serin's hands off the target of a Canary that is being deleted: a release under way goes back first, then the
// router and the workload are restored, then the Canary may go. What cannot be done in time is said in an event.
func (c *Canaries) leave(ctx context.Context, canary *objects.Canary) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(canary, finalizer) {
		return ctrl.Result{}, nil
	}
	limit, late := roundWithin-sayWithin, c.late(ctx, canary)
	if late {
		limit = lastTry
	}
	within, done := context.WithTimeout(ctx, limit)
	err := c.Refusals.Explain(c.letGo(within, canary))
	done()
	switch {
	case err == nil:
	case errors.Is(err, errUnderWay) && !late:
		return ctrl.Result{RequeueAfter: lookBack}, nil
	case !late:
		c.tell(canary, nil, corev1.EventTypeWarning, "HandsNotOff", "Eject", err.Error())
		return ctrl.Result{RequeueAfter: mendable}, nil
	default:
		c.tell(canary, nil, corev1.EventTypeWarning, "HandsNotOff", "Eject", "gives up: "+err.Error())
	}
	before := client.MergeFromWithOptions(canary.DeepCopy(), client.MergeFromWithOptimisticLock{})
	controllerutil.RemoveFinalizer(canary, finalizer)
	if err := c.Access.Patch(ctx, canary, before); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("let %s go: %w", objectName(canary), err)
	}
	return ctrl.Result{}, nil
}

var errUnderWay = errors.New("the release under way is going back")

// late reports whether a Canary that is being deleted has been waited for long enough. Nothing holds up a namespace that goes.
func (c *Canaries) late(ctx context.Context, canary *objects.Canary) bool {
	var ns corev1.Namespace
	if c.Access.Live.Get(ctx, types.NamespacedName{Name: canary.Namespace}, &ns) == nil && !ns.DeletionTimestamp.IsZero() {
		return true
	}
	return c.Access.Now().Sub(canary.DeletionTimestamp.Time) > patience
}

// letGo brings a target to where it goes on without serin.
func (c *Canaries) letGo(ctx context.Context, canary *objects.Canary) error {
	t, err := c.Store.Target(targetOf(canary))
	if errors.Is(err, releases.ErrNotFound) || err == nil && t.Owner != keyOf(canary).String() {
		return nil // it never had a hand on it
	}
	if err != nil {
		return err
	}
	_, status, err := c.Store.Release(t.Latest)
	if err != nil && !errors.Is(err, releases.ErrNotFound) {
		return err
	}
	if err == nil && !status.Position.Phase.Over() {
		return c.goBack(ctx, canary, t.Latest)
	}
	return c.eject(ctx, t)
}

// goBack advances a release that has to end, and says so as long as it has not.
func (c *Canaries) goBack(ctx context.Context, canary *objects.Canary, release string) error {
	act := plan.Act{Verb: plan.Abort, Actor: "serin", Reason: objectName(canary) + " is being deleted", ID: string(canary.UID)}
	if err := c.Loop.Act(ctx, release, act); err != nil {
		c.Log.Info("a release of a Canary that is being deleted cannot go back any more and is finished", "release", release, "reason", err)
	}
	if _, err := c.Loop.Advance(ctx, release); err != nil {
		return err
	}
	return errUnderWay
}

func (c *Canaries) eject(ctx context.Context, t releases.Target) error {
	if r, ok := c.Routers[t.Router.Kind]; ok {
		if err := r.Restore(ctx, t.Key); err != nil {
			return fmt.Errorf("restore the route of %s: %w", t.Key, err)
		}
	}
	w, ok := c.Workloads[kindOf(t.Key)].(workload.Describer)
	if !ok {
		return &cluster.Problem{Reason: cluster.TargetUnfit, Text: "no workload of kind " + kindOf(t.Key)}
	}
	if err := w.Eject(ctx, t.Key, t.Stable); err != nil {
		return fmt.Errorf("let %s go: %w", t.Key, err)
	}
	return nil
}
