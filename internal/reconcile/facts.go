package reconcile

import (
	"context"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/router"
)

// Facts gathers all that is known of a release now, for people. What cannot be observed is left out and said in Trouble.
func (l *Loop) Facts(ctx context.Context, name string) (progress.Facts, error) {
	r, err := l.load(name)
	if err != nil {
		return progress.Facts{}, err
	}
	f := progress.Facts{
		Release: r.Name, Canary: r.Canary, Target: r.Target, Number: r.Number, Attempt: r.Attempt, Full: r.target.Full,
		Created: r.Created, Now: l.Now(),
		Plan: r.Plan, Position: r.status.Position, Acts: r.status.Acts, Verdicts: map[string]plan.Verdict{}, Trails: map[string]plan.Trail{},
		Trouble: r.status.Trouble, Waiting: string(r.target.Waiting),
	}
	for name, e := range r.status.Evidence {
		f.Verdicts[name], f.Trails[name] = e.Verdict, e.Trail
		if seen, ok := e.Share.Observed(); ok && e.Share.Weight == r.wanted().Traffic.Shares[plan.Canary].Percent() {
			f.Observed = map[plan.TrackName]float64{plan.Stable: 100 - seen, plan.Canary: seen}
		}
	}
	for _, e := range r.status.Log {
		f.Log = append(f.Log, progress.Event{At: e.At, Reason: e.Reason, Text: e.Text, Step: e.Step})
	}
	for _, e := range r.status.Outbox {
		f.Outbox = append(f.Outbox, progress.Hook{Name: e.Hook.Name, Kind: e.Hook.Use.Kind, Event: string(e.Event), Step: e.Step, At: e.At, State: string(e.State), Attempts: e.Attempts, Error: e.Error})
	}
	for _, h := range r.target.History {
		f.History = append(f.History, progress.Line{Release: h.Release, From: h.From, To: h.To, Phase: h.Phase, Reason: h.Reason, Began: h.Began, Ended: h.Ended})
	}
	if run, send, err := l.backends(r); err == nil && r.Name == r.target.Latest {
		if pools, err := run.Observe(ctx, r.Target); err == nil {
			f.Pools = pools
		}
		f.Route = l.routeOf(ctx, r, send, f.Pools)
	}
	return f, nil
}

// routeOf is what is seen of the traffic. A router that splits by the number of instances keeps nothing but what this process
// told it; where that is nothing yet, as in a program that only looks, it is told what there is.
func (l *Loop) routeOf(ctx context.Context, r *release, send router.Router, pools []plan.Pool) plan.Route {
	route, err := send.Observe(ctx, r.Target)
	want := r.wanted()
	if err == nil && len(route.Traffic.Shares) == 0 && r.status.Position.Phase.Over() && r.target.Stable != "" {
		return plan.Route{Traffic: want.Traffic} // the route was handed back to its owner
	}
	if err != nil || len(route.Traffic.Shares) > 0 || !send.Features().Has(plan.Instances) {
		return route
	}
	behind := map[plan.TrackName]plan.PoolName{}
	for _, t := range want.Tracks {
		behind[t.Name] = t.Pool
	}
	here := routeTo(r, pools, want.Traffic, behind)
	if send.Apply(ctx, r.Target, here) == nil {
		route, _ = send.Observe(ctx, r.Target)
	}
	return route
}
