// Package threshold judges the canary against fixed limits on a window, as Flagger does: at the end of every interval one
// check of the failure rate and of a latency quantile; so many failed checks, not necessarily in a row, fail the release;
// so many good ones pass it. Stable is not looked at.
//
//	kind: threshold
//	interval: 1m                              # of a check; it covers the looks since the last one
//	failures: {max: 1%}                       # largest share of failed requests
//	latency: {quantile: 99%, max: 500ms}      # only where asked; interpolated linearly within its bucket, as Prometheus does
//	checks: {failed: 1, passed: 10}           # Argo's failureLimit N is failed: N+1
//	noData: fail                              # or hold: a check without requests counts neither way
//
// These are the defaults, latency apart. The rule carries no bound on errors: it is here because people know it.
// Evidence counts failed checks, and limit is how many fail the release. Looks of history (t <= 0) are answered
// insufficient. Looks that cannot be believed (negative counts, more failures than requests, buckets that fall or exceed
// requests, time that does not rise) and looks without the canary bring nothing to their check; three in a row are
// answered unavailable between checks. A canary whose pods have several sets of bounds has no latency data.
//
// Source: Flagger's documentation of canary analysis; docs of Prometheus on histogram_quantile.
package threshold
