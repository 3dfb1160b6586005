package dialect

import "testing"

func TestWithout(t *testing.T) {
	all := Known{
		Routers:   map[string]BackEnd{"istio": {}, "replicas": {}},
		Workloads: map[string]BackEnd{"Deployment": {}},
		Metrics:   map[string]BackEnd{"scrape": {}, "prometheus": {}},
	}
	left, err := all.Without([]string{"router/istio", "metric/prometheus"})
	if err != nil {
		t.Fatal(err)
	}
	if len(left.Routers) != 1 || len(left.Workloads) != 1 || len(left.Metrics) != 1 {
		t.Errorf("left are %v, %v, %v", left.Routers, left.Workloads, left.Metrics)
	}
	if len(all.Routers) != 2 || len(all.Metrics) != 2 {
		t.Error("what is known elsewhere has changed too")
	}
	for _, wrong := range []string{"router/traefik", "judge/sequential", "istio", "router/Deployment", ""} {
		if _, err := all.Without([]string{wrong}); err == nil {
			t.Errorf("%q is done without, and nobody knows it", wrong)
		}
	}
}
