// Package traefik is the router of Traefik's own kinds: it sends requests to tracks by a TraefikService of serin's, to which the
// user's route refers. It gives what routes of Gateway API through Traefik cannot: mirrors and sticky sessions.
//
// It serves numbers 6 and 9 of the walk in ARCHITECTURE.md, on a cluster (ADR 0009).
//
// # One mode
//
// own: serin makes the TraefikService NAME-serin (`service` says another name) and nobody else writes it. The user's HTTPRoute
// (backendRef of group traefik.io, kind TraefikService), IngressRoute or other TraefikService names it and is never touched. It
// stays, and serves stable, when the release is over and when serin is gone. It goes when the user deletes it.
//
// A mirror before a single track is said in the same object: mirroring, in place of weighted. Only where requests are split and
// copied as well the shares stand in a second one, NAME-serin-shares, since one TraefikService cannot do both. It is written before
// the first one names it and removed after, and Traefik hears of all changes to the kind in their order.
//
// # Whose edit stands
//
// What is ordered stands in the annotation serin.dev/traffic, written in the same request as the spec, by server-side apply with
// field manager serin-traffic. What others have put beside it is taken out: Traefik prefers `weighted` to `mirroring` where an object
// has both.
//
// # Weights
//
// They are relative: whole per cent where that is enough, else thousandths. Traefik deals in turn, and anew from the beginning after
// every change to its configuration, whoever it is for: a canary with a share of 1/n gets its first request about n requests after
// that. Where few requests meet many changes, small shares come out smaller than they were ordered.
//
// # Users who stay
//
// Traefik remembers the track of a user in a cookie, and asks nothing else (ADR 0007 goes by buckets). So a user keeps their track for
// as long as it has a share; a growing weight meets users who come for the first time, while those of stable stay there until
// stable gets nothing; and when the canary's share is 0 all of its users come back at once. The cookie is called NAME-XXXXXXXX: each
// release deals anew, and so does a canary that comes back, or whoever kept the cookie of an earlier one would come straight to it.
//
// # What is known to be done
//
// Traefik does not acknowledge a TraefikService. An order is pending for `settle` after it was written. Traefik takes changes up at
// most every two seconds (providers.providersThrottleDuration), so the second of two quick ones waits that long: hence 3s. Without
// that wait it followed within 1.1 s on a machine whose processors were taken many times over.
//
// # Limits
//
//   - Requests are not matched by header, cookie or path: that is the business of the route that comes here.
//   - Mirrors get whole per cent. Bodies larger than `maxBody` are not mirrored, since Traefik keeps what it mirrors in memory. With a
//     limit Traefik (3.6, pkg/server/service/loadbalancer/mirror) answers a request of unknown length and no content with 500.
//   - Users are kept by cookie, not by header.
//   - Traefik drops a TraefikService whole, with the requests of all tracks, when one of its Services is missing, lacks the port, or
//     has no endpoint and providers.kubernetesCRD.allowEmptyServices is off (its own default; that of its Helm chart is on). So
//     only Services that get something are named, and one that has no endpoint yet is not. What is left is a canary whose last
//     pod fails: with the option on its share is answered with 503 until serin takes it away, with the option off everybody is answered
//     with 404 for as long. `nativeLB: true`, which goes by the Service's address, does without the option, and without Traefik's
//     own balancing.
//   - Services in other namespaces are refused: a TraefikService needs providers.kubernetesCRD.allowCrossNamespace for them.
//
// It was run for real against an API server and Traefik 3.6, by HTTPRoute and by IngressRoute: internal/router/conformance, the tests of
// this package, and e2e.
//
// Sources: Traefik v3.6 (pkg/provider/kubernetes/crd/kubernetes_http.go, pkg/server/service/loadbalancer).
package traefik
