// Package statefulset is the workload that releases a user's StatefulSet in batches (ADR 9). It never has more pods than its
// size: the k pods of the highest ordinals run the new revision, all others the old one. A pool is a revision, and
// promotion renames.
//
// # What serin writes
//
// As field manager "serin": spec.updateStrategy.rollingUpdate.partition and annotations: serin.dev/held-by, while another
// template stands in the place of the one that was asked for serin.dev/asked, and of configuration serin.dev/config and
// serin.dev/copies. While nothing is released the
// partition is beyond any size: a changed template rolls nothing out, and pods that come new because of a restart or of
// a larger size are of the old revision. {old: N-k, new: k} is a partition that leaves k pods to Kubernetes, which replaces
// them from the highest ordinal down, one after the other (or as many as maxUnavailable says).
//
// # Going back
//
// A raised partition alone sends nobody back. serin deletes the pods that have to go, the lowest ordinal first, those that
// are not ready at once (under OrderedReady they would block everything), and of the others one after the other: the next
// when all pods are ready again. They come back with the old revision. A pod of the old revision that was sick before does not
// hold this up, except under OrderedReady, where Kubernetes makes no pod while one of a lower ordinal is not ready.
//
// Once all pods have the new revision and are ready, Kubernetes takes it for the current one and the old one can only be had
// by putting its template back (package internal/cluster/held). When everything has returned, the template that was asked for
// is put in its place again, held as before: Git and the cluster agree, and a retry finds it.
//
// # Revisions
//
// See package internal/workload/batch. While nothing is released the user's own template stands in the spec, whatever pods
// read, for the partition lets none be made from it. volumeClaimTemplates cannot be changed in Kubernetes, so they do not
// count.
//
// # Quirks
//
// A template that is changed again while the partition is lowered reaches the pods above the partition at once; serin raises
// the partition and sends them back, but cannot be faster than Kubernetes. A StatefulSet of no replicas takes a changed
// template for the current one without being asked. A user who grows the StatefulSet during a batch gets the additional
// pods in the new revision, and serin sends back those that are too many.
//
// Run for real against Kubernetes 1.36 (cluster_test.go).
package statefulset
