// Package progress is the read model of a release for people: Of turns the plan, the position and what was seen (Facts)
// into one value (Release) that says what happens, why, what is awaited, until when, and which command ends the wait.
//
// It serves number 10 of the walk in ARCHITECTURE.md. The command line renders it, the socket of `serin run` sends it,
// `-o json` and `-o yaml` print it, and the web page reads it; no view works anything out for itself. The package is pure:
// the time is a fact like any other, and the same facts give the same Release.
//
// # Format
//
// The JSON form of Release is public. Names are camelCase, times are RFC 3339, shares are per cent of all requests
// (12.5), effects are ratios of canary to stable (1 is no difference), metric values are in the metric's unit ("ratio":
// 0.01 is 1 %, "seconds"), durations inside sentences are Go's ("1m30s"). Fields are only added within a format number
// (Format); a reader ignores fields it does not know. A missing field is empty or zero; the lists rail, tracks and
// analyses are always there.
//
// Sentences (headline, texts, reasons) are for people and may change at any time; programs read phase, waiting.for,
// failure.reason and the verdicts.
package progress
