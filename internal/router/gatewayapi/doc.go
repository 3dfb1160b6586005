// Package gatewayapi is the router of Gateway API: it sends requests to tracks by the rules of an HTTPRoute or a GRPCRoute.
//
// It serves numbers 6 and 9 of the walk in ARCHITECTURE.md, on a cluster (ADR 0009).
//
// # Modes
//
// guest: the named rules of the user's own route are edited while the target is released. A rule keeps everything but its
// backendRefs, whose weights are thousandths; each match of the order becomes a rule in front of it, named "serin-...",
// that is a copy with the match added to its own; a mirror becomes a RequestMirror filter. What stood there is kept in the
// annotation serin.dev/traffic on the route, written in the same request, so that no crash can come between. When the order
// asks for nothing but stable, the rules are handed back as they were written, and so is their ownership in the managed
// fields: the next server-side apply of the user meets no conflict.
//
// own: serin makes the route NAME-serin with the parents and hostnames of the settings. It stays, and serves stable, when
// the release is over and when serin is gone.
//
// endpoints: the route stays untouched, and names a Service whose EndpointSlices serin writes. That gives shares only by whole
// instances, and none of the features below, so it is a router of its own: internal/router/endpoints.
//
// # Whose edit stands
//
// Every edit begins by taking all of serin's former edits out of the rules as they are now (loosen), which leaves what the
// user wants now, whatever Git or a person did meanwhile, and then puts the edits of all targets of the route on top of that
// (tighten). Both are pure. Writes carry the resourceVersion that was read; after a conflict all of it is done again
// on what is there now.
//
// # What is known to be done
//
// A route is pending until every parent that reports on it has Accepted and ResolvedRefs for the route's generation, and
// for `settle` after that, since the status tells what a controller has understood, not what its data planes do. Traefik
// followed in 0.1 s on an idle machine, in more than 0.7 s and once in more than 2 s on one whose processors were taken many
// times over; and it takes up changes at most every two seconds where providers.providersThrottleDuration is left as it comes,
// hence 3s.
//
// A route that was handed back says nothing of its target any more. A process that is new then knows no traffic of it (the
// zero Route) until its first order.
//
// # Limits
//
//   - Users cannot be kept on their track: the session persistence fields of routes are on their way out again (GEP-1619
//     moves to a policy), and a match on a cookie cannot hand one out.
//   - A path prefix is one of whole path elements: /new claims /new/things and not /newer.
//   - Of several matches that claim a request the gateway takes the most specific one. Orders in which that is not the first
//     are refused, where it makes a difference.
//   - A request that meets one of the order's matches and a rule of another back end that differs by its headers alone goes
//     where the order says. Rules with longer paths, or with a method, keep what is theirs.
//   - One cookie per match: the Cookie header can be compared once.
//   - Mirrors are refused where the gateway's class does not list HTTPRouteRequestMirror (and
//     HTTPRouteRequestPercentageMirror for a part). Traefik (seen in 3.6) answers every request of such a rule with 500 and
//     says Accepted; it is refused by name where it lists nothing.
//   - Back ends in other namespaces are refused: they depend on a ReferenceGrant that others can take away mid-release.
//
// It was run for real against an API server and Traefik: internal/router/conformance and the tests of this package.
//
// Sources: Gateway API v1.6 (HTTPRouteRule, HTTPRouteMatch: precedence; GEP-995: names of rules), Kubernetes' server-side
// apply (managed fields).
package gatewayapi
