package standalone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/releases"
)

// obeyIn is how long the answer to an act is held back until the act shows.
const obeyIn = 2 * time.Second

// act records what a person wants, wakes the worker, and answers once the worker has obeyed: a person who approves and then
// asks must not be told that an approval is awaited. Whoever is not obeyed in time is answered all the same, for the act is
// recorded.
func (r *Runner) act(w http.ResponseWriter, q *http.Request) {
	var a progress.Act
	d := json.NewDecoder(http.MaxBytesReader(w, q.Body, bodyLimit))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		complain(w, http.StatusBadRequest, fmt.Errorf("read the request: %w", err))
		return
	}
	if a.Actor == "" {
		complain(w, http.StatusBadRequest, errors.New("the request does not say who acts"))
		return
	}
	t, release, err := r.find(q.PathValue("name"))
	if err != nil {
		refuse(w, err)
		return
	}
	if a.Verb == progress.Retry {
		err = r.Loop.Retry(t.Key, a.Actor, a.Reason)
	} else {
		err = r.Loop.Act(q.Context(), release, plan.Act{Verb: a.Verb, Actor: a.Actor, Reason: a.Reason, Step: a.Step})
	}
	if err != nil {
		refuse(w, err)
		return
	}
	changed := r.news.wait()
	r.Wake(t.Key)
	r.heard(q.Context(), a.Verb, t, release, changed)
	r.news.tell()
	w.WriteHeader(http.StatusNoContent)
}

// heard waits until the worker has taken an act into account.
func (r *Runner) heard(ctx context.Context, verb plan.Verb, before releases.Target, release string, changed <-chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, obeyIn)
	defer cancel()
	for !r.obeyed(verb, before, release) && pause(ctx, obeyIn, changed) {
		changed = r.news.wait()
	}
}

// obeyed reports whether an act shows: a retry by its release, any other by being counted.
func (r *Runner) obeyed(verb plan.Verb, before releases.Target, release string) bool {
	if verb == progress.Retry {
		now, err := r.Store.Target(before.Key)
		return err != nil || now.Latest != before.Latest
	}
	_, status, err := r.Store.Release(release)
	return err != nil || status.Position.Acted >= len(status.Acts)
}
