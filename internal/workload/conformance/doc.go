// Package conformance is the suite that every workload runs: what the engine relies on when it orders capacity and reads
// back what runs. A back end's own tests cover what only it can do.
package conformance
