package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
)

// report says in the Canary's status what its release does, if that is something else than it says already.
func (c *Canaries) report(ctx context.Context, canary *objects.Canary, notes compile.Notes, release string) error {
	r, status, err := c.Store.Release(release)
	if err != nil {
		return fmt.Errorf("read release %s: %w", release, err)
	}
	told := progress.Of(progress.Facts{
		Release: baseOf(r.Name), Canary: baseOf(r.Canary), Target: r.Target, Number: r.Number, Attempt: r.Attempt, Created: r.Created, Now: c.Loop.Now(),
		Plan: r.Plan, Position: status.Position, Acts: status.Acts, Trouble: status.Trouble,
	})
	return c.write(ctx, canary, func(before v1alpha1.CanaryStatus, generation int64) v1alpha1.CanaryStatus {
		return native.Report(before, told, notes, generation)
	})
}

// reported reports whether the end of a release stands in the Canary's status.
func reported(canary *objects.Canary, end releases.Line) bool {
	kind := v1alpha1.Stalled
	if end.Phase == plan.Succeeded {
		kind = v1alpha1.Ready
	}
	return canary.Status.Release == baseOf(end.Release) && slices.ContainsFunc(canary.Status.Conditions, func(cond metav1.Condition) bool {
		return cond.Type == kind && cond.Status == metav1.ConditionTrue && cond.ObservedGeneration == canary.Generation
	})
}

// refuse says which fields of the Canary cannot be used. What runs goes on as it is; nothing is done until the spec changes.
func (c *Canaries) refuse(ctx context.Context, canary *objects.Canary, notes compile.Notes) error {
	return c.write(ctx, canary, func(before v1alpha1.CanaryStatus, generation int64) v1alpha1.CanaryStatus {
		return native.Refused(before, notes, generation, c.Loop.Now())
	})
}

// stuck says what about the cluster has to be mended, and comes again.
func (c *Canaries) stuck(ctx context.Context, canary *objects.Canary, p *cluster.Problem) (ctrl.Result, error) {
	known := slices.ContainsFunc(canary.Status.Conditions, func(cond metav1.Condition) bool { return cond.Reason == p.Reason })
	if !known {
		c.tell(canary, nil, corev1.EventTypeWarning, p.Reason, "Reconcile", p.Error())
	}
	err := c.write(ctx, canary, func(before v1alpha1.CanaryStatus, generation int64) v1alpha1.CanaryStatus {
		return native.Blocked(before, p.Reason, message(p), generation, c.Loop.Now())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	c.watchful.touch(keyOf(canary))
	return ctrl.Result{RequeueAfter: mendable}, nil
}

// message says a problem at the user's field.
func message(p *cluster.Problem) string {
	if p.Field == "" {
		return p.Error()
	}
	return p.Field + ": " + p.Error()
}

// write changes what the status says to people. A Canary that is gone by now needs none.
func (c *Canaries) write(ctx context.Context, canary *objects.Canary, change func(v1alpha1.CanaryStatus, int64) v1alpha1.CanaryStatus) error {
	err := c.Store.Report(ctx, keyOf(canary).String(), change)
	if err != nil && !errors.Is(err, releases.ErrNotFound) {
		return fmt.Errorf("write the status of %s: %w", objectName(canary), err)
	}
	return nil
}
