package native_test

import (
	"strings"
	"testing"
	"time"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// computed is what kstatus makes of the conditions (fluxcd/cli-utils, kstatus/status/generic.go: observedGeneration first,
// then Reconciling, Stalled and Ready).
func computed(s v1alpha1.CanaryStatus, generation int64) string {
	has := map[string]string{}
	for _, c := range s.Conditions {
		has[c.Type] = c.Status
	}
	switch {
	case s.ObservedGeneration != generation, has["Reconciling"] == "True":
		return "InProgress"
	case has["Stalled"] == "True":
		return "Failed"
	case has["Ready"] == "False", has["Ready"] == "Unknown":
		return "InProgress"
	}
	return "Current"
}

func release(phase plan.Phase) progress.Release {
	return progress.Release{
		Phase: phase, From: "v1", To: "v2", Step: 2, Steps: 6, StepName: "25%", Headline: "holds 25%", At: noon,
		Tracks: []progress.Track{{Name: plan.Stable}, {Name: plan.Canary, Traffic: progress.Traffic{Applied: 12.5}}},
	}
}

func TestReportFollowsKstatus(t *testing.T) {
	waiting := func(what string, asked bool) progress.Release {
		r := release(plan.Progressing)
		r.Waiting = &progress.Waiting{For: what, Asked: asked}
		return r
	}
	failed := release(plan.Returned)
	failed.Failure = &progress.Failure{Reason: "AnalysisFailed", Text: "errors 3x stable"}
	for _, c := range []struct {
		why     string
		release progress.Release
		want    string
		reason  string
		stable  string
		weight  v1alpha1.Percent
	}{
		{"moving is in progress", release(plan.Progressing), "InProgress", "Progressing", "v1", "12.5%"},
		{"waiting for time is only progress", waiting("time", false), "InProgress", "Progressing", "v1", "12.5%"},
		{"waiting for people is in progress: it may take days", waiting("approval", true), "InProgress", "AwaitingApproval", "v1", "12.5%"},
		{"ignorance is in progress", waiting("data", false), "InProgress", "AwaitingData", "v1", "12.5%"},
		{"a person is asked after the deadline of ignorance", waiting("data", true), "InProgress", "AwaitingDecision", "v1", "12.5%"},
		{"paused", waiting("person", false), "InProgress", "Paused", "v1", "12.5%"},
		{"on the way back nothing is decided for who waits", release(plan.RollingBack), "InProgress", "RollingBack", "v1", "12.5%"},
		{"the next release follows", release(plan.Superseded), "InProgress", "Superseded", "v1", "12.5%"},
		{"promoted is current, and stable is new", release(plan.Succeeded), "Current", "Promoted", "v2", "100%"},
		{"rolled back is failed, with the reason", failed, "Failed", "AnalysisFailed", "v1", "12.5%"},
	} {
		s := native.Report(v1alpha1.CanaryStatus{}, c.release, 7)
		if got := computed(s, 7); got != c.want {
			t.Errorf("%s: kstatus sees %s, want %s", c.why, got, c.want)
		}
		if got := computed(s, 8); got != "InProgress" {
			t.Errorf("%s: a newer spec is %s, want InProgress", c.why, got)
		}
		if s.Conditions[0].Reason != c.reason || s.Stable != c.stable || s.Weight != c.weight || s.Steps != 7 {
			t.Errorf("%s: got %+v", c.why, s)
		}
		for _, condition := range s.Conditions {
			if condition.ObservedGeneration != 7 || condition.Reason == "" {
				t.Errorf("%s: condition %+v", c.why, condition)
			}
		}
	}
}

func TestConditionsDoNotFlap(t *testing.T) {
	first := native.Report(v1alpha1.CanaryStatus{}, release(plan.Progressing), 1)
	later := release(plan.Progressing)
	later.At, later.StepName = noon.Add(time.Hour), "50%"
	second := native.Report(first, later, 1)
	if got := second.Conditions[0].LastTransitionTime; got != "2026-11-21T12:00:00Z" {
		t.Errorf("Ready stayed Unknown and moved its time to %s", got)
	}
	done := release(plan.Succeeded)
	done.At = noon.Add(2 * time.Hour)
	third := native.Report(second, done, 1)
	if got := third.Conditions[0].LastTransitionTime; len(third.Conditions) != 1 || got != "2026-11-21T14:00:00Z" {
		t.Errorf("promoted: got %+v, want one condition from 14:00 on", third.Conditions)
	}
}

func TestRefusedKeepsWhatRuns(t *testing.T) {
	before := native.Report(v1alpha1.CanaryStatus{}, release(plan.Succeeded), 1)
	var notes compile.Notes
	notes.Warn(plan.Origin{File: "a.yaml", Line: 1}, "no matter")
	notes.Refuse(plan.Origin{File: "a.yaml", Line: 4, Column: 2, Field: "spec.steps"}, "no")
	s := native.Refused(before, notes, 2, noon)
	if computed(s, 2) != "Failed" || s.Stable != "v2" || !strings.HasPrefix(s.Message, "a.yaml:4:2: error: spec.steps: no") {
		t.Errorf("got %+v", s)
	}
}
