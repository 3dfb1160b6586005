// Package workload holds the contract of everything that runs revisions: local processes, fixed upstreams, and on a
// cluster Deployments and their kin. A workload is told which pool shall have how many replicas of which revision and
// makes it so; it never decides when traffic moves.
//
// It serves numbers 6 and 9 of the walk in ARCHITECTURE.md. Every workload runs the suite in workload/conformance.
package workload
