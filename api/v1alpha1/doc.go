// Package v1alpha1 holds serin's own objects, group serin.dev, version v1alpha1: the Canary, which says how a target
// is released; the Release, one attempt to do so; the Action, what a person wants done; and the two targets of a single
// machine, Process and Upstream. The first three are kinds of Kubernetes as well (deploy/crds).
//
// The types are the specification: each field says what it means, in which unit, what its absence means, and gives an
// example. There is no logic here. Marks in the manner of Kubernetes (+optional, +kubebuilder:...) are read by
// `make generate`. The API server refuses what is wrong in shape, with a message; what needs more than one look at the
// spec (weights that fall, words that no back end knows) is refused by the compiler, in the Canary's status.
//
// Units: a Percent is a number from 0 to 100 with at most one decimal, with or without its sign (12.5, "12.5%"); a
// Duration is written as Go does ("90s", "1h30m"); an Amount is a Percent with its sign or a number of replicas.
//
// +kubebuilder:object:generate=true
// +groupName=serin.dev
package v1alpha1
