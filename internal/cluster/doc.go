// Package cluster holds what back ends and the controller share when serin releases on Kubernetes: access to the API
// server (cached reads, direct writes), the names serin leaves on objects, the keys of targets there, and the problems of
// a cluster that a user can mend (Problem).
//
// Nothing here knows a router, a workload or a release. Reads come from caches; pods are cached only for targets that
// somebody looks at (Pods), so that an idle target costs nothing.
package cluster
