package prometheus

// A preset says how some kind of program counts.
type preset struct {
	requests, failures, duration *Selector
	unit                         string
	namespace                    string  // the label of it, where it is not "namespace"; "-": its series carry none
	places                       []place // of a router
}

const healthPaths = `/?(?i:metrics|healthz?|livez|readyz(_(enable|disable))?)(/.*)?`

// portOf is how routers write the port of a Service: its number or its name. A name with a dash in it is not recognised, because
// "shop-canary-80" would then be a port "canary-80" of the Service shop.
const portOf = `[0-9a-zA-Z]+`

func presets() map[string]preset {
	return map[string]preset{
		// github.com/stefanprodan/podinfo
		"podinfo": {
			duration: &Selector{Metric: "http_request_duration_seconds", Except: map[string]string{"path": healthPaths}},
			failures: &Selector{Match: map[string]string{"status": "5.."}},
		},
		// client_golang's promhttp.InstrumentHandlerDuration as its examples have it
		"go": {
			duration: &Selector{Metric: "http_request_duration_seconds", Except: map[string]string{"handler": healthPaths}},
			failures: &Selector{Match: map[string]string{"code": "5..|5xx"}},
		},
		// Spring, Quarkus, Micronaut. Without percentile histograms there are no buckets, and so no latencies.
		"micrometer": {
			duration: &Selector{
				Metric: "http_server_requests_seconds", Except: map[string]string{"uri": `/(actuator|q/(metrics|health)|health|prometheus)(/.*)?`},
			},
			failures: &Selector{Match: map[string]string{"status": "5.."}},
		},
		// What clients and gateways in the mesh saw. The server's own sidecar cannot be trusted with the name of the Service, and
		// does not see the requests that never reached it. https://istio.io/latest/docs/reference/config/metrics/
		"istio": {
			requests:  &Selector{Metric: "istio_requests_total", Labels: map[string]string{"reporter": "source"}},
			duration:  &Selector{Metric: "istio_request_duration_milliseconds", Labels: map[string]string{"reporter": "source"}},
			failures:  &Selector{Match: map[string]string{"response_code": "5..|0"}},
			unit:      "ms",
			namespace: "destination_service_namespace",
			places:    []place{{label: "destination_service_name", value: "{service}"}},
		},
		// "shop-checkout-80@kubernetes", and with Gateway API "shop-checkout-http-80@kubernetesgateway".
		// Names without @PROVIDER never reach the metrics. https://doc.traefik.io/traefik/observability/metrics/overview/
		"traefik": {
			duration:  &Selector{Metric: "traefik_service_request_duration_seconds"},
			requests:  &Selector{Metric: "traefik_service_requests_total"},
			failures:  &Selector{Match: map[string]string{"code": "5.."}},
			namespace: "-",
			places:    []place{{label: "service", value: `{namespace}-{service}(-http)?-` + portOf + `(-grpc)?@.+`}},
		},
		// The proxy of each pod counts. https://linkerd.io/2/reference/proxy-metrics/
		"linkerd": {
			requests: &Selector{Metric: "response_total", Labels: map[string]string{"direction": "inbound"}},
			duration: &Selector{Metric: "response_latency_ms", Labels: map[string]string{"direction": "inbound"}},
			failures: &Selector{Labels: map[string]string{"classification": "failure"}},
			unit:     "ms",
		},
		// Clusters are called as whoever configures Envoy likes; `service` says how.
		// https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats
		"envoy": {
			requests:  &Selector{Metric: "envoy_cluster_upstream_rq_completed"},
			duration:  &Selector{Metric: "envoy_cluster_upstream_rq_time"},
			failures:  &Selector{Metric: "envoy_cluster_upstream_rq_xx", Labels: map[string]string{"envoy_response_code_class": "5"}},
			unit:      "ms",
			namespace: "-",
			places:    []place{{label: "envoy_cluster_name", value: `({namespace}[/_.-])?{service}([/_.-][0-9]+)?`}},
		},
		// ingress-nginx. A canary Ingress has no series of its own: its requests are those of the main Ingress and Service, with
		// the upstream in the label canary. https://kubernetes.github.io/ingress-nginx/user-guide/monitoring/
		"nginx": {
			requests: &Selector{Metric: "nginx_ingress_controller_requests"},
			duration: &Selector{Metric: "nginx_ingress_controller_request_duration_seconds"},
			failures: &Selector{Match: map[string]string{"status": "5.."}},
			places: []place{
				{label: "service", value: "{service}", matcher: []string{`canary=""`}},
				{label: "canary", value: `{namespace}-{service}-` + portOf},
			},
		},
	}
}
