// Package conformance is the suite that every metric store runs: what the looks of a release rely on. A store's own tests
// cover what only it can do.
package conformance
