package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// A Refusal is a draft that cannot be compiled against what is stable now.
type Refusal struct{ Notes compile.Notes }

func (r Refusal) Error() string { return r.Notes[0].String() }

// Bring decides what to do about the difference between a draft and the record of its target, and returns the name of the
// release to work on; "" when there is none. A Refusal changes nothing.
//
//	no release yet               begin the first one
//	the latest is under way      for another revision or another plan: note it as waiting; the engine goes back, then it begins
//	the latest is over           begin one if the draft names neither what is stable nor what was just sent back
func (l *Loop) Bring(d compile.Draft, can compile.Abilities) (string, error) {
	target, err := l.Store.Target(d.Target.Key())
	if errors.Is(err, releases.ErrNotFound) {
		return l.start(d, can, releases.Target{Key: d.Target.Key()})
	}
	if err != nil {
		return "", err
	}
	if err := l.refresh(d, &target); err != nil {
		return "", err
	}
	latest, status, err := l.Store.Release(target.Latest)
	if errors.Is(err, releases.ErrNotFound) { // somebody removed it
		return l.anew(d, can, target)
	}
	if err != nil {
		return "", err
	}
	if !status.Position.Phase.Over() {
		return latest.Name, l.supersede(d, can, target, latest)
	}
	l.forgetComparison(target.Key)
	if d.Target.Revision == target.Stable || d.Target.Revision == target.Rejected {
		return latest.Name, l.setWaiting(&target, "")
	}
	return l.start(d, can, target)
}

// anew begins a release in place of the latest, which is gone, unless that had brought what the draft asks for, or sent it
// back: then there is nothing to work on.
func (l *Loop) anew(d compile.Draft, can compile.Abilities, t releases.Target) (string, error) {
	if t.Closed(t.Latest) && (d.Target.Revision == t.Stable || d.Target.Revision == t.Rejected) {
		return "", nil
	}
	return l.start(d, can, t)
}

// refresh takes over what may change without a release: size and router settings.
func (l *Loop) refresh(d compile.Draft, t *releases.Target) error {
	if t.Owner != d.Name {
		return fmt.Errorf("target %s is owned by Canary %s, not by %s", t.Key, t.Owner, d.Name)
	}
	if t.Full == d.Target.Replicas && sameUse(t.Router, d.Router) {
		return nil
	}
	t.Full, t.Router = d.Target.Replicas, d.Router
	return l.Store.ChangeTarget(t.Key, func(stored *releases.Target) error {
		stored.Full, stored.Router = t.Full, t.Router
		return nil
	})
}

func sameUse(a, b plan.Use) bool { return a.Kind == b.Kind && string(a.With) == string(b.With) }

// supersede notes that something newer waits for the release under way to end: another revision, or another plan for the
// same one.
func (l *Loop) supersede(d compile.Draft, can compile.Abilities, t releases.Target, latest releases.Release) error {
	waiting := plan.Revision("")
	if d.Target.Revision != latest.Plan.Canary {
		waiting = d.Target.Revision
	} else if l.another(d, can, t.Stable, latest) {
		waiting = d.Target.Revision
	}
	return l.setWaiting(&t, waiting)
}

func (l *Loop) setWaiting(t *releases.Target, rev plan.Revision) error {
	if t.Waiting == rev {
		return nil
	}
	t.Waiting = rev
	return l.Store.ChangeTarget(t.Key, func(stored *releases.Target) error {
		stored.Waiting = rev
		return nil
	})
}

// start compiles the draft against what is stable and stores the release.
func (l *Loop) start(d compile.Draft, can compile.Abilities, t releases.Target) (string, error) {
	p, notes := compile.Compile(d, t.Stable, can)
	if notes.Err() {
		return "", Refusal{notes}
	}
	templates, err := l.templates(d, t)
	if err != nil {
		return "", err
	}
	return l.Begin(Beginning{
		Canary: d.Name, Plan: p, Full: d.Target.Replicas, Router: d.Router, Source: source(d), Templates: templates, Groups: d.Groups,
	})
}

// templates gathers what the workload needs for both revisions: the new one from the draft, the stable one from the release
// that brought it.
func (l *Loop) templates(d compile.Draft, t releases.Target) (map[plan.Revision]json.RawMessage, error) {
	all := map[plan.Revision]json.RawMessage{}
	if t.Latest != "" {
		latest, _, err := l.Store.Release(t.Latest)
		if err != nil && !errors.Is(err, releases.ErrNotFound) {
			return nil, err
		}
		if old, ok := latest.Templates[t.Stable]; ok {
			all[t.Stable] = old
		}
	}
	all[d.Target.Revision] = d.Target.Template
	if t.Stable != "" && all[t.Stable] == nil {
		return nil, fmt.Errorf("target %s: the settings of its stable revision %s are not in the record", t.Key, t.Stable)
	}
	return all, nil
}

// source says where the draft's analyses get their counts.
func source(d compile.Draft) plan.Use {
	if len(d.Analyses) == 0 {
		return plan.Use{}
	}
	return d.Analyses[0].Source
}

// Retry lets a revision that was sent back be tried again, and notes in the release that ended who wants it and why.
func (l *Loop) Retry(target, actor, reason string) error {
	t, err := l.Store.Target(target)
	if err != nil {
		return err
	}
	if t.Rejected == "" {
		return fmt.Errorf("retry: no revision of %s was sent back", t.Key)
	}
	text := "retry by " + actor
	if reason != "" {
		text += ": " + reason
	}
	return l.Store.Conclude(t.Latest, func(s *releases.Status, t *releases.Target) error {
		t.Rejected = ""
		s.Remember(releases.Event{At: l.Now(), Reason: "ActionTaken", Text: text, Step: s.Position.Step})
		return nil
	})
}
