package reconcile

import (
	"context"
	"fmt"
	"time"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/workload"
)

// observe answers what the next decision reads: what runs, where traffic goes, and the analyses that are due.
func (l *Loop) observe(ctx context.Context, r *release) (engine.Sight, error) {
	seen := engine.Sight{
		Now: l.Now(), Full: max(1, r.target.Full), Acts: r.status.Acts,
		Superseded: r.target.Waiting,
		Verdicts:   map[string]plan.Verdict{},
	}
	run, send, err := l.backends(r)
	if err != nil {
		return seen, err
	}
	seen.Fixed = run.Features().Has(plan.Fixed)
	if seen.Pools, err = run.Observe(ctx, r.Target); err != nil {
		return seen, fmt.Errorf("observe workload: %w", err)
	}
	if seen.Route, err = send.Observe(ctx, r.Target); err != nil {
		return seen, fmt.Errorf("observe route: %w", err)
	}
	l.look(ctx, r, seen)
	for name, e := range r.status.Evidence {
		seen.Verdicts[name] = e.Verdict
	}
	for name, e := range r.evidence {
		seen.Verdicts[name] = e.Verdict
	}
	return seen, nil
}

func (l *Loop) backends(r *release) (workload.Workload, router.Router, error) {
	kind, _, _ := cut(r.Target)
	run, ok := l.Workloads[kind]
	if !ok {
		return nil, nil, fmt.Errorf("target %s: no workload of kind %q", r.Target, kind)
	}
	send, ok := l.Routers[r.target.Router.Kind]
	if !ok {
		return nil, nil, fmt.Errorf("target %s: no router %q", r.Target, r.target.Router.Kind)
	}
	return run, send, nil
}

// looked says when each analysis of the release was last looked at.
func looked(r *release) map[string]time.Time {
	at := map[string]time.Time{}
	for name, e := range r.status.Evidence {
		at[name] = e.Looked
	}
	return at
}
