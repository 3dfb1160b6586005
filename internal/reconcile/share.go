package reconcile

import (
	"fmt"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/share"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// weigh compares the share that the canary was seen to get with the one it is meant to get, and tells once when they differ.
// A route that does not do what it says is a matter for people: neither is the release bad, nor its way back safe.
func (l *Loop) weigh(r *release, e *releases.Evidence, look judge.Look, seen engine.Sight) {
	arrived := r.status.Position.Arrived
	if arrived.IsZero() || e.Looked.Before(arrived) || !l.dealt(r, seen.Route.Traffic) {
		return
	}
	knew := e.Share.Weight == look.Weight && e.Share.Wrong()
	e.Share = e.Share.Look(look.Weight, requests(look.Tracks[plan.Stable]), requests(look.Tracks[plan.Canary]))
	if knew || !e.Share.Wrong() {
		return
	}
	got, _ := e.Share.Observed()
	r.news = append(r.news, releases.Event{
		At: l.Now(), Reason: "WeightUnconfirmed", Step: r.status.Position.Step,
		Text: fmt.Sprintf("the canary is meant to get %g %% of the requests and got %.3g %% (%d of %d); a share within %g %% of it would get here at most once in %d",
			look.Weight, got, e.Share.Canary, e.Share.Canary+e.Share.Stable, 100*share.Tolerance, share.Limit),
	})
}

// dealt reports whether each request is dealt by itself: neither by who asks nor by connection.
func (l *Loop) dealt(r *release, t plan.Traffic) bool {
	send, ok := l.Routers[r.target.Router.Kind]
	counted := ok && (send.Features().Has(plan.Instances) || send.Features().Has(plan.Counted))
	return ok && !counted && len(t.Matches) == 0 && t.Mirror == nil && t.Sticky == nil
}

func requests(c judge.Counts) int64 {
	var sum int64
	for _, pod := range c.Pods {
		sum += pod.Requests
	}
	return sum
}
