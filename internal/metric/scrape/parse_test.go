package scrape

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"serin.dev/serin/internal/metric"
)

const (
	text        = "text/plain; version=0.0.4; charset=utf-8"
	openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
	protobuf    = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

func parsed(t *testing.T, with, body, contentType string) (metric.Counters, string, error) {
	t.Helper()
	rules, err := decode(json.RawMessage(with))
	if err != nil {
		t.Fatal(err)
	}
	return parse([]byte(body), contentType, rules)
}

// podinfo answered 7 requests of /, 3 with status 500 and one after a second; health checks and scrapes do not count.
// Both files were recorded from podinfo 6.9.2.
func TestPodinfo(t *testing.T) {
	for file, contentType := range map[string]string{"podinfo.txt": text, "podinfo.pb": protobuf} {
		t.Run(file, func(t *testing.T) {
			body, err := os.ReadFile("testdata/" + file)
			if err != nil {
				t.Fatal(err)
			}
			got, doubt, err := parsed(t, "", string(body), contentType)
			want := metric.Counters{
				Requests: 11, Failures: 3,
				Bounds:  []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
				Buckets: []int64{10, 10, 10, 10, 10, 10, 10, 10, 11, 11, 11},
			}
			if !reflect.DeepEqual(got, want) || doubt != "" || err != nil {
				t.Errorf("got %+v, %q, %v", got, doubt, err)
			}
		})
	}
}

func TestParse(t *testing.T) {
	const counter = `{"requests":{"metric":"http_requests_total"}}`
	cases := []struct {
		reason, with, contentType, body string
		want                            metric.Counters
		doubt, err                      string
	}{
		{
			reason: "a counter alone gives requests and failures",
			with:   counter,
			body:   "http_requests_total{status=\"200\"} 90\nhttp_requests_total{status=\"503\"} 10\n",
			want:   metric.Counters{Requests: 100, Failures: 10},
		},
		{
			reason: "a counter is named without its _total in OpenMetrics", contentType: openMetrics,
			with: `{"requests":{"metric":"http_requests"}}`,
			body: "# TYPE http_requests counter\nhttp_requests_total{code=\"500\"} 4.0 # {trace_id=\"x\"} 1\n# EOF\n",
			want: metric.Counters{Requests: 4, Failures: 4},
		},
		{
			reason: "failures from a counter, requests and latency from a histogram without status",
			with:   `{"duration":{"metric":"took_seconds"},"requests":{"metric":"http_requests_total"}}`,
			body: "took_seconds_bucket{le=\"1\"} 7\ntook_seconds_bucket{le=\"+Inf\"} 9\ntook_seconds_sum 1\ntook_seconds_count 9\n" +
				"http_requests_total{status=\"500\"} 2\nhttp_requests_total{status=\"200\"} 8\n",
			want: metric.Counters{Requests: 9, Failures: 2, Bounds: []float64{1}, Buckets: []int64{7}},
		},
		{
			reason: "only series with the labels asked for",
			with:   `{"requests":{"metric":"http_requests_total","labels":{"service":"shop"}}}`,
			body:   "http_requests_total{status=\"200\",service=\"shop\"} 3\nhttp_requests_total{status=\"200\",service=\"cart\"} 5\n",
			want:   metric.Counters{Requests: 3},
		},
		{
			reason: "other metrics that begin alike are not counted",
			with:   counter,
			body:   "http_requests_total_created 5\nhttp_requests 7\nmy_http_requests_total 9\nhttp_requests_total{code=\"200\"} 1\n",
			want:   metric.Counters{Requests: 1},
		},
		{
			reason: "a summary has requests and no latencies",
			with:   `{"preset":"micrometer"}`,
			body: "http_server_requests_seconds_count{status=\"200\",uri=\"/cart\"} 5\nhttp_server_requests_seconds_sum{status=\"200\",uri=\"/cart\"} 1\n" +
				"http_server_requests_seconds_count{status=\"500\",uri=\"/cart\"} 1\nhttp_server_requests_seconds_count{status=\"200\",uri=\"/actuator/health\"} 99\n",
			want: metric.Counters{Requests: 6, Failures: 1},
		},
		{
			reason: "series with different bounds are added up where they agree",
			body: "http_request_duration_seconds_bucket{code=\"200\",handler=\"/a\",le=\"0.1\"} 1\nhttp_request_duration_seconds_bucket{code=\"200\",handler=\"/a\",le=\"1\"} 2\n" +
				"http_request_duration_seconds_bucket{code=\"200\",handler=\"/a\",le=\"+Inf\"} 3\n" +
				"http_request_duration_seconds_bucket{code=\"200\",handler=\"/b\",le=\"0.5\"} 4\nhttp_request_duration_seconds_bucket{code=\"200\",handler=\"/b\",le=\"1\"} 5\n" +
				"http_request_duration_seconds_bucket{code=\"200\",handler=\"/b\",le=\"+Inf\"} 6\n",
			want: metric.Counters{Requests: 9, Bounds: []float64{1}, Buckets: []int64{7}},
		},
		{
			reason: "a series that is there twice counts once",
			with:   counter,
			body:   "http_requests_total{code=\"200\"} 5\nhttp_requests_total{code=\"200\"} 5\n",
			want:   metric.Counters{Requests: 5},
		},
		{
			reason: "what is no count is left out and told",
			with:   counter,
			body:   "http_requests_total{code=\"200\"} NaN\nhttp_requests_total{code=\"201\"} 5\n",
			want:   metric.Counters{Requests: 5}, doubt: "http_requests_total is NaN, which is no count",
		},
		{
			reason: "negative is no count", with: counter, body: "http_requests_total{code=\"200\"} -5\n", doubt: "is -5, which is no count",
		},
		{
			reason: "infinite is no count", with: counter, body: "http_requests_total{code=\"200\"} +Inf\n", doubt: "is +Inf, which is no count",
		},
		{
			reason: "half a request has not been answered", with: counter, body: "http_requests_total{code=\"200\"} 5.5\n", want: metric.Counters{Requests: 5},
		},
		{
			reason: "buckets that fall are a contradiction",
			body: "http_request_duration_seconds_bucket{code=\"200\",le=\"0.1\"} 9\nhttp_request_duration_seconds_bucket{code=\"200\",le=\"1\"} 2\n" +
				"http_request_duration_seconds_bucket{code=\"200\",le=\"+Inf\"} 9\n",
			want: metric.Counters{Requests: 9}, doubt: "contradict each other",
		},
		{
			reason: "a metric that is not there", body: "up 1\n", doubt: "there is no metric http_request_duration_seconds",
		},
		{
			reason: "without the label nothing ever fails, and that is told",
			body:   "http_request_duration_seconds_count{path=\"root\"} 5\n",
			want:   metric.Counters{Requests: 5}, doubt: "no series has a label status or code",
		},
		{
			reason: "an empty answer", body: "", doubt: "there is no metric",
		},
		{
			reason: "text that is said to be protobuf", contentType: protobuf, with: counter,
			body: "http_requests_total{code=\"200\"} 5\n", want: metric.Counters{Requests: 5},
		},
		{
			reason: "OpenMetrics that is said to be text", contentType: text, with: counter,
			body: "http_requests_total{code=\"200\"} 5 # {trace_id=\"x\"} 1\n# EOF\n", want: metric.Counters{Requests: 5},
		},
		{
			reason: "a content type nobody knows", contentType: "application/x-prom; what", with: counter,
			body: "http_requests_total{code=\"200\"} 5\n", want: metric.Counters{Requests: 5},
		},
		{
			reason: "cut off", with: counter, body: "http_requests_total{code=\"200\"", err: "parse metrics",
		},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			if c.contentType == "" {
				c.contentType = text
			}
			got, doubt, err := parsed(t, c.with, c.body, c.contentType)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %+v, %v, want an error with %q", got, err, c.err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
			if c.doubt == "" && doubt != "" || !strings.Contains(doubt, c.doubt) {
				t.Errorf("doubt is %q, want %q", doubt, c.doubt)
			}
		})
	}
}

// Whatever an endpoint sends, the counters obey the rules and nothing breaks.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"podinfo.txt", "podinfo.pb"} {
		body, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		for _, contentType := range []string{text, protobuf, openMetrics, ""} {
			f.Add(body, contentType)
		}
	}
	f.Add([]byte("http_request_duration_seconds_bucket{le=\"NaN\",status=\"500\"} 1e400\n"), text)
	rules, err := decode(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		c, _, err := parse(body, contentType, rules)
		if err != nil {
			return
		}
		n := len(c.Buckets)
		if c.Requests < 0 || c.Failures < 0 || c.Failures > c.Requests || len(c.Bounds) != n ||
			!slices.IsSorted(c.Buckets) || n > 0 && (c.Buckets[0] < 0 || c.Buckets[n-1] > c.Requests) {
			t.Errorf("got %+v", c)
		}
		for i, bound := range c.Bounds {
			if math.IsNaN(bound) || math.IsInf(bound, 0) || i > 0 && bound <= c.Bounds[i-1] {
				t.Errorf("bounds %v", c.Bounds)
			}
		}
	})
}
