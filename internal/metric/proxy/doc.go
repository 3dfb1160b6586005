// Package proxy is the metric store of the embedded proxy: what it counted on each instance, read from memory. It needs
// nothing installed, and nothing to be set.
//
// It serves number 6 of the walk in ARCHITECTURE.md. Latencies are in seconds. What counts as a failure, and from when to
// when latency is taken, is said in router/proxy.
package proxy
