// Package endpoints is the router of those who have none, and who want shares all the same: clusters without a router, and workers.
// It chooses which ready pods of each track stand behind the user's Service, by writing the Service's EndpointSlices.
//
// It serves numbers 6 and 9 of the walk in ARCHITECTURE.md, on a cluster (ADR 0014).
//
// # What it needs
//
// A Service without a selector. Nothing else is touched: routes, gateways and meshes go on naming that Service, or nobody does and
// kube-proxy alone spreads connections over it. `gatewayAPI: {mode: endpoints, route: NAME}` is this router with a route whose gateways
// have to have taken it up.
//
// A Service with a selector is refused: Kubernetes' own controller would write slices of all pods beside ours.
//
// # Shares
//
// What a track gets is its part of the endpoints that stand, so shares come as near as whole instances allow (choose): beside ten pods
// of stable, one of the canary gets 10 % next to nine of them, and 1 % is not to be had. All and nothing are exact. Endpoints are chosen so
// that none gets more than it would while stable serves alone, given that a track never gets more than its ready capacity, which
// the engine sees to. Observe reports the shares that were asked for while the pods that were chosen stand, and otherwise those of
// the pods that do.
//
// Requests are spread by connection where kube-proxy does it, and one by one behind a gateway that reads slices. Matches, mirrors and
// sticky sessions need a router that reads requests; they are refused.
//
// # Slices
//
// Those of serin are labelled endpointslice.kubernetes.io/managed-by=serin.dev and with their track, belong to the Service, and
// hold at most 100 endpoints of one track, one family of addresses and one set of ports. Ports by name are looked up in each pod. Pods that
// get in are written before others are taken out. A pod that ends stays, marked as Kubernetes marks it (serving while it is ready, and
// terminating), until it is gone: data planes fall back on such where nothing else is left.
//
// # While nothing is released
//
// Pods come and go then as well, and so they do while serin is away. So when the order asks for nothing but stable, the Service is handed over
// to Kubernetes: it gets the selector of the target's pods, as a field of serin's own that is in nobody's manifest, and serin's slices go
// once Kubernetes' hold every pod that stands in them. The next release goes the other way round: serin's slices first, then the
// selector and Kubernetes' slices go. Endpoints that stand twice meanwhile are one to all data planes known to us. Nobody waits for
// serin at any time in between, and ejecting leaves the selector.
//
// # What is known to be done
//
// Data planes do not acknowledge slices. An order is pending for `settle` after they were last written, while Kubernetes' slices and
// serin's stand side by side, and while a route that is named is not Accepted with ResolvedRefs.
//
// # Limits
//
//   - Endpoints have no zone: traffic distribution by zone does not take effect while a release goes on; that by node does.
//   - Slices of anybody else for the same Service are refused, and an Endpoints object with them.
//   - A `selector` of the user's own needs a label of the target's own selector: by that label canaries are told apart.
//   - Pods and slices are read past the caches, while a release goes on.
//
// It was run for real against an API server with Kubernetes' controllers, and kube-proxy: internal/router/conformance.
package endpoints
