package scrape

import (
	"fmt"
	"os"
	"reflect"
	"testing"

	"serin.dev/serin/internal/metric"
)

// What proxies beside a program count: the requests that came in, in milliseconds; not those the program sent, not probes.
func TestProxies(t *testing.T) {
	for preset, want := range map[string]metric.Counters{
		"istio":   {Requests: 97, Failures: 7, Bounds: []float64{0.0005, 0.05, 1}, Buckets: []int64{7, 87, 96}},
		"linkerd": {Requests: 43, Failures: 3, Bounds: []float64{0.001, 0.1}, Buckets: []int64{7, 42}},
		"envoy":   {Requests: 60, Failures: 5, Bounds: []float64{0.0005, 0.025}, Buckets: []int64{0, 50}},
	} {
		t.Run(preset, func(t *testing.T) {
			body, err := os.ReadFile("testdata/" + preset + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			got, doubt, err := parsed(t, fmt.Sprintf(`{"preset":%q}`, preset), string(body), text)
			if !reflect.DeepEqual(got, want) || doubt != "" || err != nil {
				t.Errorf("got %+v, %q, %v, want %+v", got, doubt, err, want)
			}
		})
	}
}

// A program's own histogram in milliseconds.
func TestMilliseconds(t *testing.T) {
	got, _, err := parsed(t, `{"duration":{"metric":"took_ms"},"unit":"ms"}`,
		"took_ms_bucket{status=\"200\",le=\"250\"} 4\ntook_ms_bucket{status=\"200\",le=\"+Inf\"} 5\ntook_ms_count{status=\"200\"} 5\n", text)
	want := metric.Counters{Requests: 5, Bounds: []float64{0.25}, Buckets: []int64{4}}
	if !reflect.DeepEqual(got, want) || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}
