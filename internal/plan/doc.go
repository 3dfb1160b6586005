// Package plan holds the words every other room speaks: what a release is made of (Plan, Step, State, Track,
// Traffic, Gate, Hook, Analysis), where it stands (Position), what was seen (Pool, Route, Verdict) and what a back
// end can do (Features).
//
// It is the intermediate form between the dialects users write and the engine that runs them, and stands at the
// bottom of the house: it imports the standard library only, and a test says so. Nothing here decides or acts.
//
// A plan lists desired states, not moves: each Step says which revision runs on which track, with what capacity,
// and who gets the traffic, completely. Re-asserting a state is idempotent, and resuming a release is reading one
// index (ADR 0001).
//
// Units: a Share is in thousandths (0.1 %), a duration is a time.Duration, a capacity is a share of the target's full
// size or a number of replicas.
package plan
