// Package router holds the contract of everything that can send requests to tracks: the embedded proxy, and on a
// cluster the routes of meshes, gateways and load balancers. A router is told a complete Order and makes it so; what to
// order, and when, is decided elsewhere (engine), so no router ever reasons about capacity.
//
// It serves numbers 6 and 9 of the walk in ARCHITECTURE.md. Every router runs the suite in router/conformance.
package router
