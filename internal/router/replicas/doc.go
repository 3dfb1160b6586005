// Package replicas is the router of those who have none: the Service of the user spreads requests over all of its pods, so
// the share of a track is its part of the ready instances, and weight is bought with capacity (plan.Instances).
//
// It serves number 9 of the walk in ARCHITECTURE.md, and moves nothing: capacity is the workload's, spreading is the
// cluster's. What it gives is what numbers allow. Beside four instances of stable, one of the canary gets 20 %, and 10 % is
// not to be had; Achievable says so beforehand. Observe reports the shares that were asked for once the number of
// instances is within one of the best there is, and until then the true ones.
//
// Requests are spread by connection, not one by one, so long-lived connections make shares coarser still. Matches, mirrors
// and sticky sessions need a router that reads requests; they are refused.
//
// It keeps nothing. A new process knows no target until its first order, and is given one in its first round.
package replicas
