// Package daemonset is the workload that releases a user's DaemonSet in batches of nodes (ADR 9). Its full size is the number
// of nodes that want a pod, and there never are more. A pool is a revision, and promotion renames.
//
// # What serin writes
//
// As field manager "serin": spec.updateStrategy.type (OnDelete, which rolls nothing out) and annotations: serin.dev/held-by,
// while another template stands in the place of the one that was asked for serin.dev/asked, and of configuration
// serin.dev/config and serin.dev/copies. A batch is pods deleted in
// the order of their nodes' names, those first that are not ready, as many at a time as the user's maxUnavailable says
// (one without it); they come back as what the template says.
//
// # Which template
//
// A DaemonSet has one template, and every new pod is made from it: of a batch, of a new node, of a pod that was evicted. So
// the template is always that of the revision that has to grow. A release that goes forward needs the user's. One that
// goes back puts the old template in its place (package internal/cluster/held), and there it stays when all is idle again:
// a node that joins gets what is stable, never what was rejected. The DaemonSet then differs from Git; what Git asks for is
// kept in serin.dev/asked, is what Describe tells (so the rejected revision is remembered, and a retry finds it), and the
// next template that the user writes takes its place as if serin had never been there. A tool that heals by itself writes
// the rejected template again; that starts nothing, for OnDelete holds it, but new nodes then get it: revert it in Git.
//
// # New nodes
//
// A node that joins while a changed template is in the spec gets the new revision at once, for Kubernetes knows no other;
// it is observed as such. Where that is more than was ordered serin corrects it: it puts the template of the revision that is short in
// place, deletes the pod, and gives the template back with the next batch.
//
// # Revisions
//
// See package internal/workload/batch. After a promotion the user's own template stands in the spec again, and a new node
// gets a pod that reads the originals; when these change, that pod is found to be of another revision and is replaced by one
// with copies.
//
// Run for real against Kubernetes 1.36 (cluster_test.go): with pods that run on the cluster's one node, and, for batches over
// several nodes, with the real DaemonSet controller over nodes whose kubelet is part of the test.
package daemonset
