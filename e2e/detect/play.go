package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"time"

	"serin.dev/serin/internal/cli"
	"serin.dev/serin/internal/loadtest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// A result is how one release ended.
type result struct {
	app     string
	good    bool
	harm    string // "" of a good one
	phase   plan.Phase
	took    time.Duration
	answers loadtest.Tally // of the new version, until the release was over
	why     string         // it went back
}

// within is the longest a release may take before a person would look after it; it is aborted then, and counts as undecided.
const within = 3 * time.Minute

// play releases one version after the other under load, good ones where the deck says so. None begins after last.
func (a *app) play(ctx context.Context, deck []bool, rate float64, last time.Time) ([]result, error) {
	if _, err := a.watch(ctx, 1); err != nil {
		return nil, err
	}
	load, err := loadtest.New(loadtest.Options{URL: "http://" + a.listen + "/version", Rate: rate, Group: version})
	if err != nil {
		return nil, err
	}
	sending, enough := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { load.Run(sending); close(done) }()
	defer func() { enough(); <-done }()

	var results []result
	for i, good := range deck {
		if time.Now().After(last) {
			break
		}
		if err := settle(ctx, load, int64(3*rate)); err != nil { // so that stable is known
			return results, err
		}
		number := i + 2
		r, err := a.release(ctx, number, good, load)
		if err != nil {
			return results, err
		}
		fmt.Fprintf(os.Stderr, "%s-%d: %s, %s: %s after %.0f s\n", a.id, number, a.name, r.kind(), r.phase, r.took.Seconds())
		results = append(results, r)
	}
	return results, nil
}

// release puts one version out and waits until it is promoted or sent back.
func (a *app) release(ctx context.Context, number int, good bool, load *loadtest.Test) (result, error) {
	r, flags := result{app: a.name, good: good}, []string(nil)
	if !good {
		h := a.harms[number%len(a.harms)]
		r.harm, flags = h.name, h.flags
	}
	if err := a.write(number, flags); err != nil {
		return r, err
	}
	end, err := a.watch(ctx, number)
	if err != nil {
		return r, err
	}
	r.phase, r.took = end.Phase, end.Ended.Sub(end.Created)
	r.answers = load.Snapshot().Groups[fmt.Sprintf("v%d", number)]
	if end.Failure != nil {
		r.why = end.Failure.Text
	}
	return r, nil
}

var errOver = errors.New("over")

// watch waits until a release is over, and sends it back when that takes too long.
func (a *app) watch(ctx context.Context, number int) (end progress.Release, err error) {
	name := fmt.Sprintf("%s-%d", a.id, number)
	patience := time.AfterFunc(within, func() {
		// Where this does not work, the limit of the whole run ends the wait.
		_ = a.client.Act(ctx, name, progress.Act{Verb: plan.Abort, Actor: "detect", Reason: "undecided"})
	})
	defer patience.Stop()
	for {
		err := a.client.Watch(ctx, name, func(r progress.Release) error {
			if end = r; r.Phase.Over() {
				return errOver
			}
			return nil
		})
		switch {
		case errors.Is(err, errOver):
			return end, nil
		case ctx.Err() != nil:
			return end, context.Cause(ctx)
		case !errors.Is(err, cli.ErrNotFound) && !errors.Is(err, cli.ErrNoServer): // serin has not seen the file, or is not up yet
			return end, fmt.Errorf("watch %s: %w", name, err)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return end, err
		}
	}
}

// settle waits until some more requests were answered.
func settle(ctx context.Context, load *loadtest.Test, more int64) error {
	for until := load.Snapshot().Total.Requests + more; load.Snapshot().Total.Requests < until; {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// named finds the version in an instance's name, as in "shop1-v2-1a2b3c4d-0.3".
var named = regexp.MustCompile(`\bv[0-9]+\b`)

func version(answer *http.Response, _ []byte) string {
	return named.FindString(answer.Header.Get("Serin-Instance"))
}

func (r result) kind() string {
	if r.good {
		return "good"
	}
	return r.harm
}
