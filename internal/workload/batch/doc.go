// Package batch is what the workloads of sets have in common: a StatefulSet or DaemonSet of the user is released by replacing
// pods in their places, batch by batch, and never has more of them than its size (ADR 9). A pool is a revision, and promotion
// renames. What one kind does in its own way is a Set; the frame around it (reading, observing, ordering, letting go) is here.
//
// # ConfigMaps and Secrets are part of a revision (ADR 13)
//
// A revision is a digest of the template and of what its ConfigMaps and Secrets hold (package internal/cluster/config).
// Before pods of a revision are made, serin puts its fixed form into the spec: the user's template with immutable copies in
// the place of the originals, in the name of who wrote the template (package internal/cluster/held). What the user asked
// for is kept in the annotation serin.dev/asked, and stands in the spec again as soon as new pods of it would be what is
// wanted, so that Git and the cluster agree at rest. A set that names nothing, or nothing that may be read, is
// never touched in this way.
//
// Copies are listed in serin.dev/copies and deleted when no pod, no template that pods may be made from, and no revision
// under release needs them.
//
// # Adoption
//
// To take hold of a set restarts no pod, so the pods that are there go on reading the originals (loose). What these held
// then is copied and noted in serin.dev/config until the last such pod is gone. Should an original change meanwhile, a
// mounted one reaches those pods as it always did (stale). A release that goes forward replaces them anyway; one that goes
// back replaces them too, one after the other, by pods that read the copies: what was rejected is read by nobody.
// A pod that Kubernetes makes anew in the place of such a pod before that, or on a node that joins a DaemonSet, reads the
// originals and counts as one of them.
//
// # Tools that rewrite the template
//
// One that puts Git's template back while a release goes on (selfHeal of Argo CD) is given way to: after pods were made from
// the fixed form, serin does not put it there again until the release is over; the new pods read the originals, and are
// replaced by ones with copies when these hold something else.
//
// # Letting go
//
// Eject leaves the template in the spec that the settled pods were made from, so that none is replaced. Where that is a fixed
// form, its copies stay (label serin.dev/target) and go with the set; the next template that the user's tool writes
// replaces it completely, and is rolled out by Kubernetes.
package batch
