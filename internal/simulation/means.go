package simulation

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/gate/groups"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/workload"
	"serin.dev/serin/internal/world"
)

// Previous is what the revision is called that stands before a release.
const Previous plan.Revision = "previous"

// Compile compiles a draft for the simulated world: the release that brings the previous revision, and the draft's own over it.
// A target that lives elsewhere and has no revision here gets one.
func Compile(d compile.Draft, w *world.World) (first, second plan.Plan, err error) {
	can := compile.Abilities{Router: w.Router().Features(), Workload: w.Workload().Features()}
	if d.Target.Revision == "" {
		d.Target.Revision = "next"
	}
	old := d
	old.Target.Revision = Previous
	first, notes := compile.Compile(old, "", can)
	if notes.Err() {
		return first, second, fmt.Errorf("compile for the simulated world: %s", notes[0])
	}
	if second, notes = compile.Compile(d, Previous, can); notes.Err() {
		return first, second, fmt.Errorf("compile for the simulated world: %s", notes[0])
	}
	return first, second, nil
}

// Means are those of the real loop in a world, whose workload, router, counters and receivers of news answer to all names that
// the plan uses.
func Means(w *world.World, store releases.Store, p plan.Plan, with func(plan.Use) (judge.Judge, error)) reconcile.Means {
	kind, _, _ := strings.Cut(p.Target, "/")
	m := reconcile.Means{
		Store:     store,
		Routers:   map[string]router.Router{"world": w.Router()},
		Workloads: map[string]workload.Workload{kind: w.Workload()},
		Metrics:   map[string]metric.Store{"proxy": w.Metrics()},
		Judge:     with,
		Keeper:    groups.Keeper{},
		Notifiers: map[string]notify.Notifier{},
		Now:       w.Now,
		Log:       slog.New(slog.DiscardHandler),
	}
	for _, a := range p.Analyses {
		m.Metrics[a.Source.Kind] = w.Metrics()
		for _, q := range a.Queries {
			m.Metrics[q.Source.Kind] = w.Metrics()
		}
	}
	hooks := slices.Clone(p.Hooks)
	for _, s := range p.Steps {
		hooks = append(hooks, s.Hooks...)
	}
	for _, h := range hooks {
		m.Notifiers[h.Use.Kind] = w.Notifier()
	}
	return m
}

// Beginning is a release of a plan in the world, in which one person is everybody.
func Beginning(canary string, p plan.Plan, source plan.Use) reconcile.Beginning {
	templates := map[plan.Revision]json.RawMessage{p.Canary: json.RawMessage(`{}`)}
	if p.Stable != "" {
		templates[p.Stable] = json.RawMessage(`{}`)
	}
	return reconcile.Beginning{
		Canary: canary, Plan: p, Full: world.Full, Router: plan.Use{Kind: "world"}, Source: source, Templates: templates, Groups: everybody(p),
	}
}

// Approval is what the person of the world answers to a release that asks.
func Approval(at plan.Position, verb plan.Verb) plan.Act {
	step := at.Step
	return plan.Act{Verb: verb, Actor: person, Step: &step}
}
