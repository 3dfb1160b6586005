// Package prometheus is the metric store that reads raw counters out of Prometheus, or of what speaks its HTTP API (Thanos,
// Mimir, VictoriaMetrics and the hosted ones).
//
// Only counters are asked for, never rate() or increase(): those extrapolate, and judges need counts. One reading is one
// instant query, so that all its numbers are of one instant: requests, failures and buckets of all instances of all tracks,
// joined by `or` and told apart by the label "serin". Where there are very many instances it is a few queries, asked at once.
// Equal questions within a second share an answer.
//
// Two ways to count. At the instance (presets podinfo, go, micrometer, linkerd): series carry the label of a pod, and a pod is
// named by plan.Endpoint.Instance, up to an "@". A pod that was replaced under its own name is told apart by its address in the
// label "instance". Outside of a cluster instances are known by that label alone: host and port of their URL. At a router
// (presets istio, traefik, nginx, envoy): series carry the name of a Service, one for each track, and there is one line of
// counters per track, called like the Service. `service` says how the router writes such a name.
//
// No new sample: between two scrapes the counters stand still, which is a look without data, and judges hold. A target that
// cannot be scraped has no series after its last scrape (Prometheus marks them stale), one whose Prometheus stands still has
// none after five minutes; both are problems of the track. A pod that is scraped (its `up` is 1) and has not answered a request
// yet has counted nothing. A pod that is gone has lost what it counted after its last scrape.
//
// Native histograms, which have no series NAME_bucket and NAME_count, are brought to the buckets of package native; where both kinds
// are kept the classic one is read. Those with bounds of their own (converted classic ones) count requests and give no latencies.
//
// Limits: buckets of different bounds within one instance give no latencies. What a router counted for a Service survives a release; the first reading of a release is its
// zero.
//
// Checked with Prometheus's own query engine, and against the real server (TestServer). Names of metrics and labels in presets
// are those of podinfo 6, client_golang, Micrometer 1.x, Istio 1.31, Traefik 3.6, ingress-nginx 1.x, linkerd2-proxy 2.x and
// Envoy 1.3x; of these podinfo, client_golang and Traefik have been run.
package prometheus
