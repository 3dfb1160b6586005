package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// A Beginning is all that makes a new release.
type Beginning struct {
	Canary    string // the policy it comes from; the owner of the target
	Plan      plan.Plan
	Full      int // replicas that carry all traffic
	Router    plan.Use
	Source    plan.Use // of metrics, to watch stable between releases; empty: nothing is judged
	Templates map[plan.Revision]json.RawMessage
	Groups    map[string][]string
}

// Begin stores a new release of the plan's target. The first Canary that does so owns the target; any other is told who.
// What may not begin while the latest release is under way is for the caller to know.
func (l *Loop) Begin(b Beginning) (string, error) {
	target, err := l.targetOf(b)
	if err != nil {
		return "", err
	}
	r := releases.Release{
		Format: releases.Format, Canary: b.Canary, Target: b.Plan.Target,
		Number: target.Number + 1, Name: releases.Name(b.Canary, target.Number+1), Attempt: attempt(target, b.Plan.Canary),
		Created: l.Now(), Plan: b.Plan, Templates: b.Templates, Groups: b.Groups,
	}
	err = l.Store.Begin(r, func(t *releases.Target) error {
		if t.Number != target.Number {
			return fmt.Errorf("begin %s: target %s has moved on to number %d", r.Name, t.Key, t.Number)
		}
		t.Owner, t.Full, t.Router, t.Source = b.Canary, b.Full, b.Router, b.Source
		t.Latest, t.Number, t.Waiting = r.Name, r.Number, ""
		return nil
	})
	if err != nil {
		return "", err
	}
	l.prune(b.Canary, r.Number-Kept)
	return r.Name, nil
}

// Kept is how many releases of a target are kept whole. Older ones live on as a line of the target's history.
const Kept = 20

// prune drops a Canary's releases up to a number, newest first, until it finds one that is gone already. What cannot be
// dropped now is dropped at the next beginning; it is no reason not to release.
func (l *Loop) prune(canary string, upTo int) {
	for n := upTo; n > 0; n-- {
		name := releases.Name(canary, n)
		_, _, err := l.Store.Release(name)
		if errors.Is(err, releases.ErrNotFound) {
			return
		}
		if err == nil {
			err = l.Store.Forget(name)
		}
		if err != nil {
			l.Log.Warn("an old release could not be dropped", "release", name, "error", err)
			return
		}
	}
}

// targetOf returns the target's record, or a new one, and refuses a second owner.
func (l *Loop) targetOf(b Beginning) (releases.Target, error) {
	t, err := l.Store.Target(b.Plan.Target)
	switch {
	case errors.Is(err, releases.ErrNotFound):
		return releases.Target{Key: b.Plan.Target}, nil
	case err != nil:
		return t, fmt.Errorf("read target %s: %w", b.Plan.Target, err)
	case t.Owner != b.Canary:
		return t, fmt.Errorf("target %s is owned by Canary %s: remove that one first", t.Key, t.Owner)
	}
	return t, nil
}

// attempt counts how often in a row this revision was tried before.
func attempt(t releases.Target, rev plan.Revision) int {
	n := 1
	for i := len(t.History) - 1; i >= 0 && t.History[i].To == rev; i-- {
		n++
	}
	return n
}
