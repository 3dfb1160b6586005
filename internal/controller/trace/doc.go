// Package trace tells the story of each release as one OpenTelemetry trace: a span for the release, and below it one for
// each step. Trace and span ids are derived from the release's name and beginning, so that a new process continues the
// trace of the one it follows.
//
// It is off unless the standard environment variables name an OTLP endpoint (OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; OpenTelemetry specification, "Environment Variable Specification").
package trace
