package reconcile

import (
	"maps"
	"slices"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// trailed adds a look, with the verdict on it, to the trail of an analysis.
func trailed(e releases.Evidence, step int, look judge.Look) plan.Trail {
	p := plan.Point{T: look.T, Step: step, Weight: look.Weight, Outcome: e.Verdict.Outcome, Evidence: e.Verdict.Evidence}
	var metrics []string
	for _, m := range e.Verdict.Metrics {
		metrics = append(metrics, m.Name)
		p.Effects = append(p.Effects, plan.Effect{Value: m.Effect, Low: m.Low, High: m.High})
		p.Stable, p.Canary = max(p.Stable, m.N[plan.Stable]), max(p.Canary, m.N[plan.Canary])
	}
	t := e.Trail.Add(p, metrics)
	t.Began = e.Began
	for _, track := range slices.Sorted(maps.Keys(look.Tracks)) {
		pods := look.Tracks[track].Pods
		for _, name := range slices.Sorted(maps.Keys(pods)) {
			t = t.Time(track, pods[name].Bounds, pods[name].Buckets, pods[name].Requests)
		}
	}
	return t
}
