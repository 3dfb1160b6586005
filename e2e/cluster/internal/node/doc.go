// Package node is a real Kubernetes cluster of one node on a bare machine: no systemd, no container engine, no way out.
//
// All daemons run in one network namespace and keep their state in one directory, so clusters of different names do not
// meet: each has its own containerd, its own tree of control groups (two kubelets on one would clean up each other's
// pods) and the same addresses.
//
//	10.99.0.1       the node: API server :6443, registry :5000
//	10.97.0.0/16    pods
//	10.98.0.0/16    services
package node
