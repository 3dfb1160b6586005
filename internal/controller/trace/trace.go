package trace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// A Teller sends spans.
type Teller struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New returns a teller that sends over OTLP, or nil when env names no endpoint. A nil Teller tells nothing.
func New(ctx context.Context, env func(string) string, version string) (*Teller, error) {
	if env("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" || env("OTEL_SDK_DISABLED") == "true" {
		return nil, nil
	}
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	return with(sdk.WithBatcher(exporter), version), nil
}

func with(processor sdk.TracerProviderOption, version string) *Teller {
	about := resource.NewSchemaless(attribute.String("service.name", "serin"), attribute.String("service.version", version))
	p := sdk.NewTracerProvider(processor, sdk.WithIDGenerator(derived{}), sdk.WithResource(about))
	return &Teller{provider: p, tracer: p.Tracer("serin.dev/serin")}
}

// Close sends what is left.
func (t *Teller) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Happened tells the step that an event ends, and with the last event the release. log is what happened before, oldest first.
func (t *Teller) Happened(r releases.Release, log []releases.Event, e releases.Event) {
	if t == nil {
		return
	}
	over := plan.Phase(e.Reason).Over()
	if e.Reason != "StepEntered" && e.Reason != "RollingBack" && !over {
		return
	}
	root := newIdentity(r, -1)
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: root.trace, SpanID: root.span, TraceFlags: trace.FlagsSampled, Remote: true,
	}))
	if step, entered := left(r, log, e); step < len(r.Plan.Steps) {
		t.span(identified(ctx, newIdentity(r, step)), "step "+r.Plan.Steps[step].Name, entered, e.At, r, e)
	}
	if over {
		t.span(identified(context.Background(), root), "release "+r.Name, r.Created, e.At, r, e)
	}
}

func (t *Teller) span(ctx context.Context, name string, from, to time.Time, r releases.Release, e releases.Event) {
	_, s := t.tracer.Start(ctx, name, trace.WithTimestamp(from), trace.WithAttributes(
		attribute.String("serin.release", r.Name), attribute.String("serin.target", r.Target),
		attribute.String("serin.revision", string(r.Plan.Canary)), attribute.String("serin.stable", string(r.Plan.Stable)),
	))
	if e.Reason == "RollingBack" || e.Reason == string(plan.Returned) {
		s.SetStatus(codes.Error, e.Text)
	}
	s.End(trace.WithTimestamp(to))
}

// left is the step that an event ends, and when it was entered.
func left(r releases.Release, log []releases.Event, e releases.Event) (step int, entered time.Time) {
	entered = r.Created
	for _, past := range log {
		if past.At.After(e.At) || past == e {
			break
		}
		if past.Reason == "StepEntered" || past.Reason == "RollingBack" {
			step, entered = past.Step, past.At
		}
	}
	return step, entered
}

// An identity is the ids that a span gets.
type identity struct {
	trace trace.TraceID
	span  trace.SpanID
}

// newIdentity derives the ids of a step of a release, or of the release itself (-1).
func newIdentity(r releases.Release, step int) identity {
	var id identity
	whole := sha256.Sum256([]byte(r.Name + "\n" + r.Created.UTC().Format(time.RFC3339Nano)))
	copy(id.trace[:], whole[:])
	part := sha256.Sum256(fmt.Appendf(whole[:], "%d", step))
	copy(id.span[:], part[:])
	return id
}

type identityKey struct{}

func identified(ctx context.Context, id identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// derived gives spans the ids that their context carries.
type derived struct{}

func (derived) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, _ := ctx.Value(identityKey{}).(identity)
	return id.trace, id.span
}

func (derived) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	id, _ := ctx.Value(identityKey{}).(identity)
	return id.span
}
