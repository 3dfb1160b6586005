// Package deployment is the workload that releases a user's Deployment in place (ADR 9): it stays the object of record and is
// held by `paused`; a changed template is a new revision, which runs in a Deployment of serin's beside it, NAME-canary, until
// it is promoted. Then the user's own Deployment rolls, and is held again.
//
// # What serin writes
//
// Of the user's Deployment, as field manager "serin": spec.paused, the annotation serin.dev/held-by, and only where its pod
// template names ConfigMaps or Secrets the annotation serin.dev/config (on it: what it was adopted with; on its template:
// what it was last promoted to, for a changed ConfigMap alone would roll nothing). Never replicas, never another part of
// the template. Of its ReplicaSets, replicas alone, and only to put back what somebody rolled out past serin, or to finish a
// promotion that another template came into. Its own are NAME-canary (a Deployment, a Service, an autoscaler) and
// immutable copies of ConfigMaps and Secrets; all of them go when the Deployment goes.
//
// # Revisions
//
// A revision is a digest of the template and of what its ConfigMaps and Secrets hold (package config). The canary reads
// immutable copies. Stable's pods cannot, without a change of the user's template: they read the originals, so that a
// changed ConfigMap that is mounted reaches running pods of stable as it always did, and one that is read at the start
// reaches those that restart. Name ConfigMaps by their content, as kustomize does, where that matters.
//
// The digest is of the template as the API server of today fills it in. A newer one that fills in more makes one more
// revision of every target that is described with it, which a release finds equal to the old.
//
// # Autoscalers
//
// Apart from stable, the canary has an autoscaler of its own that follows the user's, with bounds that fit its share. Mingled it
// has none: its share is its number of pods, and two autoscalers whose selectors meet stop each other.
//
// ScaledObjects: KEDA's own definition takes what is derived for the canary and drops nothing of it (keda_test.go, on a real API
// server); KEDA's operator itself is not run. A pause (autoscaling.keda.sh/paused-replicas) on the user's object stays there: it is
// about stable, and a canary held at no replicas would look healthy. serin pauses nothing.
//
// # Quirks
//
// While the Deployment is held, `kubectl rollout restart` and `undo` refuse to touch it (change the template where it comes
// from; an annotation will do), and Argo CD shows it as Suspended.
//
// A Deployment that is paused keeps replacing and scaling the pods it has, of the revision they are of. From no replicas at
// all, it scales up its template's ReplicaSet where one exists already (a return to an older template), and else the newest.
// A template whose lists hold two entries of one name (of env, or ports) cannot be applied server-side and is refused.
package deployment
