// Package istio is the router of an Istio mesh: it sends requests to tracks by the routes of a VirtualService.
//
// It serves numbers 6 and 9 of the walk in ARCHITECTURE.md, on a cluster (ADR 0009).
//
// # Modes
//
// guest: routes of the user's own VirtualService are edited while the target is released. Of a route only `route` (where to)
// and the mirror change; each match of the order becomes a route in front of it, named "serin-...", that is a copy with the
// match added to its own. Everything else, known to this package or not, stays as it is. What stood there is kept in the
// annotation serin.dev/traffic on the VirtualService, written in the same request, so that no crash can come between. When the
// order asks for nothing but stable, the routes are handed back as they were written, and so is their ownership in the managed
// fields: the next server-side apply of the user meets no conflict.
//
// A delegate is a VirtualService like any other: name it, not the root that delegates to it. Where both destinations already
// stand in the user's route (two Services of the user's, or two subsets with `destinationRule`), weights are all that changes.
//
// own: serin makes the VirtualService NAME-serin with the hosts and gateways of the settings, or with neither (`delegate`), for one of the
// user's to hand requests over to it. It stays, and serves stable, when the release is over and when serin is gone. With
// `destinationRule` the tracks are subsets of stable's Service, and serin makes the DestinationRule NAME-serin as well, with the
// labels that tell the tracks' pods apart. Subsets come before the routes that name them, which wait for `settle`, and go as long after
// them; a subset that no pod of the Service belongs to is refused before it gets requests. Deployments keep their canary's pods away from
// the user's Services, so this is for targets whose pods of both tracks stand behind one Service.
//
// # Whose edit stands
//
// Every edit begins by taking serin's former edits out of the routes as they are now (loosen), which leaves what the user wants
// now, whatever Git or a person did meanwhile, and then puts the edits of all targets of the VirtualService on top of that
// (tighten). Both are pure. Writes carry the resourceVersion that was read; a conflict is an error that a retry mends.
//
// # Weights
//
// Istio's weights are relative: a destination gets weight/(sum of all weights) of the requests (networking/v1
// virtual_service.proto). Shares of whole per cent are written as such, finer ones in thousandths. Routes of TCP and TLS
// (`protocol`) have weights, and neither matches nor mirrors.
//
// # What is known to be done
//
// Istio does not acknowledge: a sidecar's own state is known to istiod alone. An order is pending while the status (of
// installations that write one) holds errors, and for `settle` after the last change, since istiod gathers changes for 100 ms
// and pushes them to all proxies at once.
//
// # Limits
//
//   - Users cannot be kept on their track: consistent hashing chooses pods within one Service.
//   - One cookie per match: the Cookie header can be compared once. A regular expression for a cookie sees all that follows
//     the name, other cookies included.
//   - A match on what a route matches already is refused where Istio could not say both (two expressions for one header).
//   - Destinations in other namespaces are refused: they are not the target's.
//
// It was run for real against an API server with Istio's CRDs and against istiod 1.31, whose routes for Envoy were read over
// ADS. No Envoy was run.
package istio
