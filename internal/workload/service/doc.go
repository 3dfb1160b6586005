// Package service is the workload of a pair: two Services of the user, whatever stands behind them. serin changes neither
// Services nor pods and starts nothing; it moves traffic from one to the other, so a pair needs a router that goes by
// Service.
//
// # Which of the two is stable
//
// The one behind which the record's stable revision stands; before the first release the one that the target names. The next
// release is whatever stands behind the other: DescribePair is told what is stable, and answers with the revision behind
// the Service that is not. Where nothing stands there it answers with stable itself: there is nothing to release. So the
// two take turns: after a promotion the next version is deployed behind the Service that has become idle.
//
// # Revisions
//
// A revision is a digest of the pod templates of the Deployments, StatefulSets and DaemonSets whose pods the Service
// selects and that are asked to have any; so it survives restarts and scaling. Where none is found (pods of another
// controller, bare pods), it is one of the images that the ready pods run. A pool is a revision. One that is changed while it
// is part of a release keeps its pool, of which then no replica is the revision that was ordered (plan.Pool.Updated).
//
// Whoever changes the Service that has the traffic releases past serin: everybody gets it at once, and what stands there
// is then taken for stable under its old name until the next promotion.
//
// # Sizes
//
// The size of each of the two is its user's. A pool all of whose pods are ready counts as fully ready, as that of an
// Upstream does: Ready is the part of the wanted replicas that the ready pods make up, rounded down but at least 1.
//
// What Services stand for is known from DescribePair and Apply alone; until one of them was called, Observe is an error.
//
// Run for real against Kubernetes 1.36 (cluster_test.go).
package service
