package prometheus

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// Each preset that counts at a router, with series as that router writes them: stable answered 100 requests of which 1
// failed, canary 10 of which 4 failed. Neighbours with similar names must not be counted.
func TestRouters(t *testing.T) {
	cases := map[string]func(s *server){
		"traefik": func(s *server) {
			count := func(service, code string, n float64) {
				p := []string{"service", service, "code", code, "method", "GET", "protocol", "http"}
				s.set(n, "traefik_service_requests_total", p...)
				s.set(n, "traefik_service_request_duration_seconds_bucket", append(p, "le", "0.1")...)
			}
			count("shop-checkout-http-80@kubernetesgateway", "200", 99)
			count("shop-checkout-http-80@kubernetesgateway", "503", 1)
			count("shop-checkout-canary-80@kubernetes", "200", 6)
			count("shop-checkout-canary-80@kubernetes", "500", 4)
			count("shop-checkout-slow-80@kubernetes", "200", 1000)
			count("other-checkout-80@kubernetes", "200", 1000)
		},
		"istio": func(s *server) {
			count := func(service, namespace, reporter, code string, n float64) {
				p := []string{"destination_service_name", service, "destination_service_namespace", namespace, "reporter", reporter, "response_code", code}
				s.set(n, "istio_requests_total", p...)
				s.set(n, "istio_request_duration_milliseconds_bucket", append(p, "le", "100")...)
			}
			count("checkout", "shop", "source", "200", 99)
			count("checkout", "shop", "source", "503", 1)
			count("checkout-canary", "shop", "source", "200", 6)
			count("checkout-canary", "shop", "source", "0", 4) // the client went away before the answer
			count("checkout-canary", "shop", "destination", "200", 6)
			count("checkout", "other", "source", "200", 1000)
		},
		"envoy": func(s *server) {
			count := func(cluster string, n, failed float64) {
				s.set(n, "envoy_cluster_upstream_rq_completed", "envoy_cluster_name", cluster)
				s.set(n-failed, "envoy_cluster_upstream_rq_xx", "envoy_cluster_name", cluster, "envoy_response_code_class", "2")
				s.set(failed, "envoy_cluster_upstream_rq_xx", "envoy_cluster_name", cluster, "envoy_response_code_class", "5")
				s.set(n, "envoy_cluster_upstream_rq_time_bucket", "envoy_cluster_name", cluster, "le", "100")
			}
			count("shop_checkout_80", 100, 1)
			count("shop/checkout-canary/80", 10, 4)
			count("shop_checkout_slow_80", 1000, 0)
		},
		"nginx": func(s *server) {
			count := func(canary, status string, n float64) {
				p := []string{"namespace", "shop", "ingress", "checkout", "service", "checkout", "canary", canary, "status", status}
				s.set(n, "nginx_ingress_controller_requests", p...)
				s.set(n, "nginx_ingress_controller_request_duration_seconds_bucket", append(p, "le", "0.1")...)
			}
			count("", "200", 99)
			count("", "502", 1)
			count("shop-checkout-canary-http", "200", 6)
			count("shop-checkout-canary-http", "500", 4)
		},
	}
	for preset, fill := range cases {
		t.Run(preset, func(t *testing.T) {
			s := newServer(t)
			fill(s)
			got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), shop(fmt.Sprintf(`{"address":%q,"preset":%q}`, s.URL, preset)))
			want := map[plan.TrackName]map[string]metric.Counters{
				plan.Stable: {"checkout": {Requests: 100, Failures: 1, Bounds: []float64{.1}, Buckets: []int64{100}}},
				plan.Canary: {"checkout-canary": {Requests: 10, Failures: 4, Bounds: []float64{.1}, Buckets: []int64{10}}},
			}
			if err != nil || !reflect.DeepEqual(got.Tracks, want) || len(got.Problems) > 0 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestServicesOfOwnMetrics(t *testing.T) {
	s := newServer(t)
	s.set(7, "edge_requests_total", "backend", "checkout", "ns", "shop", "code", "200")
	s.set(2, "edge_requests_total", "backend", "checkout-canary", "ns", "shop", "code", "500")
	s.set(9, "edge_requests_total", "backend", "checkout-canary", "ns", "other", "code", "500")
	with := fmt.Sprintf(`{"address":%q,"requests":{"metric":"edge_requests_total"},"failures":{"match":{"code":"5.."}},
		"labels":{"service":"backend","namespace":"ns"}}`, s.URL)
	got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), shop(with))
	want := map[plan.TrackName]map[string]metric.Counters{
		plan.Stable: {"checkout": {Requests: 7}}, plan.Canary: {"checkout-canary": {Requests: 2, Failures: 2}},
	}
	if err != nil || !reflect.DeepEqual(got.Tracks, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTracksWithoutServices(t *testing.T) {
	s := newServer(t)
	s.set(9, "traefik_service_requests_total", "service", "shop-checkout-80@kubernetes", "code", "200")
	warning := "PromQL warning: half of the stores do not answer"
	s.warn.Store(&warning)
	q := shop(fmt.Sprintf(`{"address":%q,"preset":"traefik"}`, s.URL))
	got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), q)
	if problem := "there is no metric traefik_service_requests_total for Service checkout-canary: nothing was counted yet, or `service` " +
		"and `labels` do not fit (" + warning + ")"; got.Problems[plan.Canary] != problem || err != nil || got.Tracks[plan.Canary] != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if got.Problems[plan.Stable] != "" || got.Tracks[plan.Stable]["checkout"].Requests != 9 {
		t.Errorf("got %+v: a warning is no problem where nothing is missing", got)
	}
	q.Services = nil
	if got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), q); err == nil || len(got.Problems) != 2 {
		t.Errorf("without Services: got %+v, %v", got, err)
	}
}
