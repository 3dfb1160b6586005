// Package metric holds the contract of metric stores: they tell what was counted on each instance of each track. A store
// hands out raw counters; increments, resets and gaps are worked out here, once, for all stores (Increments, Carry), because
// rate() and its kin extrapolate and judges need counts (Prometheus documentation, "rate").
//
// A store may also be a Querier: it answers queries of the users' own, for judges that weigh such answers (ADR 0011). Package
// client makes the HTTP clients of stores.
//
// It serves number 6 of the walk in ARCHITECTURE.md. Every store runs the suite in metric/conformance.
package metric
