package standalone

import (
	"context"
	"errors"
	"time"

	"serin.dev/serin/internal/releases"
)

// A worker advances the releases of one target, one round at a time.
type worker struct {
	r       *Runner
	target  string
	wake    chan struct{} // something changed: look now
	letters chan struct{} // the outbox may have something
	release string
	retries int
}

const (
	retryFirst = 200 * time.Millisecond
	retryLast  = 10 * time.Second
)

// work goes round until the context ends. A round that has begun is finished: it is bounded, and half a round would only
// have to be repeated.
func (w *worker) work(ctx context.Context) {
	for ctx.Err() == nil {
		wait := w.round(context.WithoutCancel(ctx))
		if wait <= 0 {
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-w.wake:
		case <-w.r.Changed(w.target):
		}
		t.Stop()
	}
}

// round brings the release in line with the files and advances it once.
func (w *worker) round(ctx context.Context) time.Duration {
	name, err := w.r.bring(w.target)
	var wait time.Duration
	if err == nil {
		w.release = name
		wait, err = w.r.Loop.Advance(ctx, name)
	}
	if err != nil {
		return w.stumble(err)
	}
	w.retries = 0
	w.r.troubled(w.target, "")
	nudge(w.letters)
	w.r.news.tell()
	return wait
}

// stumble logs an error, once, and says when to try again. It is kept in memory for people to see, for the loop's note in the
// release may be what could not be written.
func (w *worker) stumble(err error) time.Duration {
	if w.r.troubled(w.target, err.Error()) {
		w.r.Log.Error("a round did not work and is tried again", "target", w.target, "release", w.release, "error", err)
		w.r.news.tell()
	}
	wait := min(retryLast, retryFirst<<min(w.retries, 10))
	w.retries++
	return wait
}

// tell empties the outboxes of the target's releases, apart from the rounds: a receiver that hangs must not keep traffic
// from moving.
func (w *worker) tell(ctx context.Context) {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-w.letters:
		}
		t.Reset(w.deliver(ctx))
	}
}

// deliver tells what the latest release and the few before it still have to tell, and says when to come again.
func (w *worker) deliver(ctx context.Context) time.Duration {
	target, err := w.r.Store.Target(w.target)
	if err != nil {
		return retryLast
	}
	next := time.Minute
	for n := max(1, target.Number-3); n <= target.Number; n++ {
		again, err := w.r.Loop.Tell(ctx, releases.Name(target.Owner, n))
		switch {
		case errors.Is(err, releases.ErrNotFound):
		case err != nil:
			next = min(next, retryLast)
		case again > 0:
			next = min(next, again)
		}
	}
	return next
}
