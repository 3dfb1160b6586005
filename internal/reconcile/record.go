package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// record writes what was decided, in one transaction: the position, the evidence of this round, the hooks that have to be
// told. A round that changed nothing writes nothing.
func (l *Loop) record(r *release, seen engine.Sight, d engine.Decision, events []releases.Event) error {
	if !l.due(r, d.Next, events) && len(d.Tell) == 0 && !l.changed(r.stored, d.Next, seen) {
		l.keep(r, d.Next, events)
		l.tell(r, d, events)
		return nil
	}
	untold := slices.Concat(l.kept(r), events)
	evidence := maps.Clone(r.status.Evidence)
	if evidence == nil && len(r.evidence) > 0 {
		evidence = map[string]releases.Evidence{}
	}
	maps.Copy(evidence, r.evidence)
	change := func(s *releases.Status) {
		s.Position = d.Next
		s.Evidence = evidence
		for _, t := range d.Tell {
			s.Outbox = append(s.Outbox, entry(r, t, l.Now()))
		}
		for _, e := range untold {
			s.Remember(e)
		}
		r.status = *s
	}
	if err := l.write(r, change, !r.stored.Phase.Over() && d.Next.Phase.Over(), d.Next); err != nil {
		return err
	}
	l.settled(r, d.Next)
	l.tell(r, d, events)
	return nil
}

// tell says what happened to whoever listens.
func (l *Loop) tell(r *release, d engine.Decision, events []releases.Event) {
	for _, e := range events {
		if l.Happened != nil {
			l.Happened(r.Release, e)
		}
		l.Log.Info(e.Text, "release", r.Name, "reason", e.Reason, "step", r.Plan.Steps[e.Step].Name, "rule", d.Fired)
	}
}

// write changes the status, and with the end of a release also the books of its target.
func (l *Loop) write(r *release, change func(*releases.Status), ends bool, at plan.Position) error {
	if !ends {
		return l.Store.Change(r.Name, func(s *releases.Status) error {
			change(s)
			return nil
		})
	}
	return l.Store.Conclude(r.Name, func(s *releases.Status, t *releases.Target) error {
		change(s)
		t.Close(r.Release, at)
		return nil
	})
}

// same compares positions as they are at rest.
func same(a, b plan.Position) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}

func entry(r *release, t engine.Telling, now time.Time) releases.Entry {
	return releases.Entry{
		Key:  fmt.Sprintf("%s/%d/%s/%s", r.Name, t.Step, t.Event, t.Hook.Name),
		Hook: t.Hook, Event: t.Event, Step: t.Step, Text: t.Text,
		At: now, State: releases.Pending,
	}
}

// narrate tells what happened between two positions, for people.
func narrate(p plan.Plan, before, after plan.Position, now time.Time) []releases.Event {
	var events []releases.Event
	step := p.Steps[after.Step]
	add := func(reason, text string) {
		events = append(events, releases.Event{At: now, Reason: reason, Text: text, Step: after.Step})
	}
	if before.Phase == "" {
		add("ReleaseStarted", fmt.Sprintf("release of %s begins%s", p.Canary, from(p.Stable)))
	}
	if before.Phase != after.Phase && after.Phase == plan.RollingBack {
		add("RollingBack", fmt.Sprintf("goes back to %s: %s", step.Name, after.Failure.Text))
	} else if before.Step != after.Step {
		add("StepEntered", "on the way to "+step.Name)
	}
	if before.Arrived.IsZero() && !after.Arrived.IsZero() || before.Step != after.Step && !after.Arrived.IsZero() {
		add("StepReached", step.Name+" reached")
	}
	if w := after.Waiting; w != nil && asks(w) && (before.Waiting == nil || before.Waiting.For != w.For) {
		add("Waiting", w.Text)
	}
	if before.Phase != after.Phase && after.Phase.Over() {
		add(string(after.Phase), ending(p, after))
	}
	return events
}

// asks reports whether the wait is one that people may want to end. Others come and go with the weather and are no event.
func asks(w *plan.Waiting) bool {
	return strings.Contains("person approval data", w.For)
}

func from(stable plan.Revision) string {
	if stable == "" {
		return "; it is the first"
	}
	return fmt.Sprintf("; stable is %s", stable)
}

func ending(p plan.Plan, at plan.Position) string {
	if at.Phase == plan.Succeeded {
		return fmt.Sprintf("%s is stable", p.Canary)
	}
	if at.Failure == nil {
		return string(at.Phase)
	}
	return fmt.Sprintf("%s, stable is %s again", at.Failure.Text, p.Stable)
}
