package controller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
)

// A Herald empties the outboxes of releases, apart from the rounds: a receiver that hangs must not keep traffic from moving.
// One Canary's outboxes are emptied by one worker at a time.
type Herald struct{ *Canaries }

// remembered is how many releases of a Canary may still have something to tell.
const remembered = 4

// Reconcile tells what the newest releases of a Canary still have to tell.
func (h Herald) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var canary objects.Canary
	if err := h.Access.Get(ctx, req.NamespacedName, &canary); err != nil {
		return ctrl.Result{}, nil // gone, and its releases with it; anything else is the other controller's to say
	}
	t, err := h.Store.Target(targetOf(&canary))
	if err != nil || t.Owner != req.String() {
		return ctrl.Result{}, nil
	}
	var next time.Duration
	for n := max(1, t.Number-remembered+1); n <= t.Number; n++ {
		name := releases.Name(t.Owner, n)
		if h.silent(t, name) {
			continue
		}
		again, err := h.Loop.Tell(ctx, name)
		if errors.Is(err, releases.ErrNotFound) {
			continue
		}
		if err != nil {
			return ctrl.Result{}, err
		}
		if again > 0 && (next == 0 || again < next) {
			next = again
		}
	}
	return ctrl.Result{RequeueAfter: next}, nil
}

// silent reports whether a release ended so long ago that all it had to tell was told, or given up.
func (h Herald) silent(t releases.Target, name string) bool {
	return slices.ContainsFunc(t.History, func(l releases.Line) bool {
		return l.Release == name && h.Loop.Now().Sub(l.Ended) > 10*time.Minute
	})
}

// split cuts the namespace from a name.
func split(name string) (namespace, rest string) {
	namespace, rest, _ = strings.Cut(name, "/")
	return namespace, rest
}

// baseOf is a name without its namespace.
func baseOf(name string) string {
	_, rest := split(name)
	return rest
}
