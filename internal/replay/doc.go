// Package replay lets the real compiler, engine, judges and loop release something against metrics that were recorded: what would
// this spec have decided, when, and what would that have saved? Only workload and router are simulated (package world, without
// traffic of its own); time is that of the recording.
//
// A Tape gives raw counters instant by instant: out of a Prometheus, by the queries of the metric store of that name, or out of a
// file that a Recorder wrote; with the answers to users' own queries, which a Prometheus is asked about that instant. Increments
// are worked out by the loop, as ever. Judges are shown the weight that the traffic had when it was recorded, for that is the
// traffic they judge, whatever step the replayed release has come to.
//
// The same spec and the same file give the same output, byte for byte. A file recorded from a release, replayed with that
// release's spec, gives the release's own verdicts: looks are taken exactly where the recording has one.
//
// What cannot be known is not made up: a recording has the traffic that was. Where a replayed release goes on faster or slower
// than the one that was recorded, its judge sees the weights of the recording all the same. People approve at once.
package replay
