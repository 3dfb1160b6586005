// Package scrape is the metric store that needs no other server: it asks each instance for its own /metrics and adds up
// what it finds. Text, OpenMetrics and protobuf (for native histograms) are read with Prometheus's own parser.
//
// Which series count as requests, failures and durations is a preset's to say, or the user's; the default fits podinfo and
// most Go programs: the histogram http_request_duration_seconds with a label status or code. Requests of health checks
// and of the scrape itself are left out where a label tells them apart.
//
// The presets istio, linkerd and envoy ask the proxy beside the program, on the proxy's own port. Traefik and ingress-nginx count
// for all targets together; they are presets of the store prometheus.
//
// Units: durations in seconds, as Prometheus's naming rules ask, or in milliseconds where `unit` says so. Classic buckets are added up over the bounds that all
// series share. Native histograms are brought to a fixed grid (package native).
//
// Errors: an instance that does not answer in time, answers without end, or answers with something else is a problem of
// its track; a track of which no instance can be read is missing. Values that are no counts (NaN, negative, infinite) are
// left out and reported; fractions are rounded down.
//
// Proxies have not been run: their presets are checked against text written as their documentation has it (testdata/*.txt).
// Checked against podinfo's metrics, client_golang's own handler in all three formats, and fuzzing.
package scrape
