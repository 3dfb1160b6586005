package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/releases"
)

const (
	tellWithin = 10 * time.Second // for one try
	tellTries  = 5
)

// Tell empties the outbox of a release as far as it can and says when to come again; 0 means that nothing is left.
//
// Each try is recorded before it is made. One that was under way when its process died is not repeated, because it may
// have arrived; one that came back with an error is tried again with the same key, so that the receiver can drop a double.
// Only one goroutine at a time may tell for a release.
func (l *Loop) Tell(ctx context.Context, name string) (time.Duration, error) {
	r, err := l.load(name)
	if err != nil {
		return 0, fmt.Errorf("load %s: %w", name, err)
	}
	if err := l.giveUpInterrupted(r); err != nil {
		return 0, fmt.Errorf("record outbox of %s: %w", name, err)
	}
	var next time.Duration
	for _, e := range r.status.Outbox {
		if e.State != releases.Pending {
			continue
		}
		if wait := e.Next.Sub(l.Now()); wait > 0 {
			next = sooner(next, wait)
			continue
		}
		again, err := l.try(ctx, r, e)
		if err != nil {
			return 0, fmt.Errorf("record outbox of %s: %w", name, err)
		}
		next = sooner(next, again)
	}
	return next, nil
}

func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// giveUpInterrupted closes tries of a process that died in the middle. Within this process no try is under way here.
func (l *Loop) giveUpInterrupted(r *release) error {
	for _, e := range r.status.Outbox {
		if e.State != releases.UnderWay {
			continue
		}
		if err := l.stamp(r, e.Key, func(e *releases.Entry) {
			e.State, e.Error = releases.Interrupted, "serin ended while telling it; it may have arrived and is not repeated"
		}); err != nil {
			return err
		}
	}
	return nil
}

// try tells one entry and records what came of it.
func (l *Loop) try(ctx context.Context, r *release, e releases.Entry) (time.Duration, error) {
	if err := l.stamp(r, e.Key, func(e *releases.Entry) { e.State, e.Attempts = releases.UnderWay, e.Attempts+1 }); err != nil {
		return 0, err
	}
	err := l.deliver(ctx, r, e)
	again := time.Duration(1<<e.Attempts) * time.Second
	return again, l.stamp(r, e.Key, func(e *releases.Entry) {
		switch {
		case err == nil:
			e.State, e.Error, again = releases.Told, "", 0
		case e.Attempts >= tellTries:
			e.State, e.Error, again = releases.Failed, err.Error(), 0
		default:
			e.State, e.Error, e.Next = releases.Pending, err.Error(), l.Now().Add(again)
		}
	})
}

func (l *Loop) deliver(ctx context.Context, r *release, e releases.Entry) error {
	n, ok := l.Notifiers[e.Hook.Use.Kind]
	if !ok {
		return fmt.Errorf("no notifier %q", e.Hook.Use.Kind)
	}
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	return n.Tell(ctx, e.Hook.Use.With, notify.Message{
		Key: e.Key, Release: r.Name, Target: r.Target, Event: e.Event,
		Step: e.Step, StepName: r.Plan.Steps[e.Step].Name,
		Stable: r.Plan.Stable, Canary: r.Plan.Canary, Text: e.Text, At: e.At,
	})
}

var errGone = errors.New("the outbox has no such entry")

func (l *Loop) stamp(r *release, key string, change func(*releases.Entry)) error {
	return l.Store.Change(r.Name, func(s *releases.Status) error {
		for i := range s.Outbox {
			if s.Outbox[i].Key == key {
				change(&s.Outbox[i])
				r.status.Outbox = s.Outbox
				return nil
			}
		}
		return errGone
	})
}
