// Package world is the one fake: a simulated cluster that behaves. Its workloads start slowly, crash and drain; its router
// follows late; its traffic has a known truth; its clock is moved by hand; every call can fail. It implements the contracts
// workload, router, metric and notify, so that the engine under test cannot tell.
//
// The world knows what the engine must not do and says so (Broken): stop a replica that still works on requests, send
// more to a canary than its ready replicas carry, tell a hook twice. Everything random comes from one seed.
package world
