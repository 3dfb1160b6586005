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
//	metrics:                                  # the answers to the user's own queries, each in its range, ends included
//	- {name: errors, range: {min: 0, max: 5}, interval: 1m}
//
// These are the defaults, latency and metrics apart. Beside metrics, failures and latency are judged only where they are given.
// Each metric is asked about once for each check, and `interval` is what its query looks back on. A check takes the last reading
// that came for it; of a list, as a vector of Prometheus is one, the last number. NaN, an empty list, an error and no reading at
// all are no data, and fail the check like a value out of its range. Whatever is wrong at once is one failed check; the first
// that is wrong is told.
// The rule carries no bound on errors: it is here because people know it.
// Evidence counts failed checks, and limit is how many fail the release. Looks of history (t <= 0) are answered
// insufficient. Looks that cannot be believed (negative counts, more failures than requests, buckets that fall or exceed
// requests, time that does not rise) and looks without the canary bring nothing to their check; three in a row are
// answered unavailable between checks. A canary whose pods have several sets of bounds has no latency data.
//
// Source: Flagger's documentation of canary analysis; docs of Prometheus on histogram_quantile.
package threshold
