// Package e2e releases podinfo on a real cluster with the real program, under load, and counts every request: `make e2e`.
//
// A test is a story: what the user applies, what happens to the release, and what the users of the application saw of it,
// which must be nothing that the release itself broke. Each story has a namespace of its own (a stage); one controller plays
// most of them at the same time, and those that harm their controller bring their own.
//
// The story in which the API server goes away has a cluster of its own, so that the others can be played meanwhile.
//
// The cluster is the one of e2e/cluster, or any other that SERIN_KUBECONFIG names; the tests run where pods and Services can be
// reached by their addresses.
package e2e
