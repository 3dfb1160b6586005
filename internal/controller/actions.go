package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/releases/objects"
)

// heeded is how long an Action is kept after it was done or refused, for people to read.
const heeded = 24 * time.Hour

// canaryIndex is the index of cached Actions by the Canary they name.
const canaryIndex = "canary"

func canaryOf(o client.Object) []string {
	a, ok := o.(*objects.Action)
	if !ok {
		return nil
	}
	return []string{a.Spec.Canary}
}

// actions lists what people want of a Canary and nobody has answered yet, oldest first. Those that were answered long ago are
// removed.
func (c *Canaries) actions(ctx context.Context, canary *objects.Canary) ([]objects.Action, error) {
	var all objects.ActionList
	if err := c.Access.List(ctx, &all, client.InNamespace(canary.Namespace), client.MatchingFields{canaryIndex: canary.Name}); err != nil {
		return nil, fmt.Errorf("list the Actions of %s: %w", objectName(canary), err)
	}
	var pending []objects.Action
	for i := range all.Items {
		a := &all.Items[i]
		switch {
		case a.Status.State == "":
			pending = append(pending, *a)
		case a.Status.At != nil && c.Access.Now().Sub(a.Status.At.Time) > heeded:
			if err := c.Access.Delete(ctx, a); client.IgnoreNotFound(err) != nil {
				c.Log.Warn("an old Action could not be removed", "action", a.Name, "error", err)
			}
		}
	}
	slices.SortFunc(pending, func(a, b objects.Action) int {
		if d := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return pending, nil
}

// hear does what people want, in order, and answers each of them. An act is recorded with the uid of its Action, so one
// that was recorded by a process that died before it could answer is not done twice.
func (c *Canaries) hear(ctx context.Context, target, release string, pending []objects.Action) error {
	for i := range pending {
		a := &pending[i]
		var err error
		if verb := plan.Verb(a.Spec.Verb); verb == progress.Retry {
			err = c.Loop.Retry(target, a.Spec.Actor, a.Spec.Reason)
		} else {
			err = c.Loop.Act(ctx, release, plan.Act{Verb: verb, Actor: a.Spec.Actor, Groups: a.Spec.Groups, Reason: a.Spec.Reason, Step: a.Spec.Step, ID: string(a.UID)})
		}
		if err := c.answer(ctx, a, release, err); err != nil {
			return fmt.Errorf("answer Action %s/%s: %w", a.Namespace, a.Name, err)
		}
	}
	return nil
}

func at(t time.Time) *metav1.Time {
	stamp := metav1.NewTime(t)
	return &stamp
}

// answer writes into an Action what became of it.
func (c *Canaries) answer(ctx context.Context, a *objects.Action, release string, refusal error) error {
	before := client.MergeFrom(a.DeepCopy())
	a.Status = v1alpha1.ActionStatus{State: v1alpha1.Done, Release: baseOf(release), At: at(c.Access.Now())}
	if refusal != nil {
		a.Status.State, a.Status.Message = v1alpha1.Refused, refusal.Error()
	}
	return c.Access.Status().Patch(ctx, a, before)
}
