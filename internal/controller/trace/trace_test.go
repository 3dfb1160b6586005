package trace

import (
	"context"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// A release is one trace whatever process tells its parts.
func TestAReleaseIsOneTrace(t *testing.T) {
	began := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	r := releases.Release{Name: "shop/checkout-3", Created: began, Plan: plan.Plan{Steps: []plan.Step{{Name: "stable"}, {Name: "5%"}}}}
	log := []releases.Event{
		{At: began, Reason: "ReleaseStarted"},
		{At: began.Add(time.Second), Reason: "StepEntered", Step: 1},
		{At: began.Add(time.Minute), Reason: string(plan.Returned), Step: 0, Text: "errors"},
	}
	spans := tracetest.NewInMemoryExporter()
	for i := range log { // a process for each event
		teller := with(sdk.WithSyncer(spans), "test")
		teller.Happened(r, log[:i], log[i])
	}
	got := spans.GetSpans()
	if len(got) != 3 {
		t.Fatalf("%d spans, want two steps and the release: %+v", len(got), got)
	}
	release := got[2]
	if release.Name != "release shop/checkout-3" || release.StartTime != began || release.EndTime != began.Add(time.Minute) {
		t.Errorf("the release is told as %s from %s to %s", release.Name, release.StartTime, release.EndTime)
	}
	for _, step := range got[:2] {
		if step.SpanContext.TraceID() != release.SpanContext.TraceID() || step.Parent.SpanID() != release.SpanContext.SpanID() {
			t.Errorf("%s stands in another trace, or below another span", step.Name)
		}
	}
	if got[1].Name != "step 5%" || got[1].StartTime != began.Add(time.Second) {
		t.Errorf("the second step is told as %s from %s", got[1].Name, got[1].StartTime)
	}
}

func TestTracesAreOffUnlessAskedFor(t *testing.T) {
	teller, err := New(context.Background(), func(string) string { return "" }, "test")
	if err != nil || teller != nil {
		t.Fatalf("got %v, %v", teller, err)
	}
	teller.Happened(releases.Release{}, nil, releases.Event{}) // and harmless
	if err := teller.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
