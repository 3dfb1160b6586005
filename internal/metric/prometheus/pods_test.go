package prometheus

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// ask reads the shop's counters once.
func ask(t *testing.T, s *server, with string) (metric.Snapshot, error) {
	t.Helper()
	return openStore(t, &clock{time.Now()}).Read(t.Context(), shop(fmt.Sprintf(`{"address":%q%s}`, s.URL, with)))
}

func (s *server) requests(n float64, pod, instance, status string) {
	s.set(n, "http_request_duration_seconds_count", "namespace", "shop", "pod", pod, "instance", instance, "status", status)
}

func TestPodReplacedUnderItsOwnName(t *testing.T) {
	s := newServer(t)
	s.requests(1e6, "c", "10.0.0.9:9797", "200") // the old pod's series, which is not stale yet
	got, err := ask(t, s, "")
	if err == nil {
		t.Errorf("the new pod was not scraped yet: got %+v", got)
	}
	s.requests(5, "c", "10.0.0.3:9797", "200")
	got, err = ask(t, s, "")
	if c := got.Tracks[plan.Canary]["c@333333"]; c.Requests != 5 || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestOfTwoPodsOfOneNameTheOneThatIsThereHasTheSeries(t *testing.T) {
	s := newServer(t)
	s.requests(5, "c", "checkout", "200")
	q := shop(fmt.Sprintf(`{"address":%q}`, s.URL))
	q.Tracks[plan.Stable] = []plan.Endpoint{{Instance: "c@111111"}} // was replaced, and was on the other track
	got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), q)
	if _, counted := got.Tracks[plan.Stable]["c@111111"]; counted || err != nil || got.Tracks[plan.Canary]["c@333333"].Requests != 5 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPodWithoutRequestsHasCountedNothing(t *testing.T) {
	s := newServer(t)
	s.set(1, "up", "namespace", "shop", "pod", "c", "instance", "10.0.0.3:9797")
	s.set(0, "up", "namespace", "shop", "pod", "a", "instance", "10.0.0.1:9797")
	got, err := ask(t, s, "")
	if c, read := got.Tracks[plan.Canary]["c@333333"]; !read || c.Requests != 0 || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if got.Problems[plan.Canary] != "there is no metric http_request_duration_seconds_count" {
		t.Errorf("problem %q", got.Problems[plan.Canary])
	}
	if got.Problems[plan.Stable] != "2 of 2 instances are not known to Prometheus: a@111111, b@222222" {
		t.Errorf("problem %q", got.Problems[plan.Stable])
	}
}

func TestOtherNamespacesHealthChecksAndOldSamplesAreNotCounted(t *testing.T) {
	s := newServer(t)
	s.requests(5, "c", "x", "200")
	s.set(9, "http_request_duration_seconds_count", "namespace", "other", "pod", "c", "status", "200")
	s.set(9, "http_request_duration_seconds_count", "namespace", "shop", "pod", "c", "path", "readyz", "status", "200")
	s.set(9, "http_request_duration_seconds_count", "namespace", "shop", "pod", "cc", "status", "200")
	s.setAt(time.Now().Add(-6*time.Minute), 9, "http_request_duration_seconds_count", "namespace", "shop", "pod", "c", "status", "201")
	got, err := ask(t, s, "")
	if got.Tracks[plan.Canary]["c@333333"].Requests != 5 || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNoCount(t *testing.T) {
	for _, value := range []float64{math.NaN(), math.Inf(1), -1, 1 << 54} {
		s := newServer(t)
		s.requests(value, "c", "x", "200")
		got, err := ask(t, s, "")
		if !strings.Contains(got.Problems[plan.Canary], "which is no count") {
			t.Errorf("%v: got %+v, %v", value, got, err)
		}
	}
}

func TestContradictionsLoseTheLatencyAlone(t *testing.T) {
	s := newServer(t)
	s.requests(5, "c", "x", "200")
	s.set(9, "http_request_duration_seconds_bucket", "namespace", "shop", "pod", "c", "instance", "x", "le", "1")
	got, err := ask(t, s, "")
	if c := got.Tracks[plan.Canary]["c@333333"]; c.Requests != 5 || c.Buckets != nil || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestMilliseconds(t *testing.T) {
	s := newServer(t)
	pod := []string{"namespace", "shop", "pod", "c", "instance", "10.0.0.3:4191", "direction", "inbound"}
	s.set(10, "response_total", append(pod, "classification", "success")...)
	s.set(2, "response_total", append(pod, "classification", "failure")...)
	s.set(11, "response_latency_ms_bucket", append(pod, "le", "50")...)
	got, err := ask(t, s, `,"preset":"linkerd"`)
	if c := got.Tracks[plan.Canary]["c@333333"]; c.Requests != 12 || c.Failures != 2 || len(c.Bounds) != 1 || c.Bounds[0] != 0.05 || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestOutsideOfAClusterInstancesAreAddresses(t *testing.T) {
	s := newServer(t)
	s.set(4, "http_request_duration_seconds_count", "instance", "127.0.0.1:8081", "status", "200")
	s.set(9, "http_request_duration_seconds_count", "instance", "127.0.0.1:8082", "status", "200")
	q := shop(fmt.Sprintf(`{"address":%q}`, s.URL))
	q.Target = "Upstream/checkout"
	q.Tracks = map[plan.TrackName][]plan.Endpoint{plan.Canary: {{Instance: "v2.0", URL: "http://127.0.0.1:8081"}, {Instance: "gone"}}}
	got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), q)
	if got.Tracks[plan.Canary]["v2.0"].Requests != 4 || len(got.Problems) > 0 || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Names are data: nothing in them is PromQL or an expression.
func TestNamesAreEscaped(t *testing.T) {
	s := newServer(t)
	const name = `c"} or vector(1) or x{pod=~".*`
	s.set(3, "http_request_duration_seconds_count", "namespace", "shop", "pod", name, "status", "200")
	s.requests(9, "cX", "x", "200")
	q := shop(fmt.Sprintf(`{"address":%q}`, s.URL))
	q.Tracks = map[plan.TrackName][]plan.Endpoint{plan.Canary: {{Instance: name, URL: "http://a"}, {Instance: "c.", URL: "http://b"}}}
	got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), q)
	if got.Tracks[plan.Canary][name].Requests != 3 || len(got.Tracks[plan.Canary]) != 1 || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestManyPodsAreAskedInParts(t *testing.T) {
	s := newServer(t)
	var many []plan.Endpoint
	for i := range 300 {
		name := fmt.Sprintf("checkout-5f7d8c9b6d-%03d%s", i, strings.Repeat("x", 40))
		s.requests(float64(i), name, "x", "200")
		many = append(many, plan.Endpoint{Instance: name, URL: "http://a"})
	}
	q := shop(fmt.Sprintf(`{"address":%q}`, s.URL))
	q.Tracks = map[plan.TrackName][]plan.Endpoint{plan.Stable: many}
	got, err := openStore(t, &clock{time.Now()}).Read(t.Context(), q)
	if len(got.Tracks[plan.Stable]) != 300 || got.Tracks[plan.Stable][many[299].Instance].Requests != 299 || err != nil {
		t.Errorf("got %d instances, %v, %v", len(got.Tracks[plan.Stable]), got.Problems, err)
	}
	if n := s.asked.Load(); n < 2 || n > 8 {
		t.Errorf("it took %d queries", n)
	}
	for _, query := range s.queries {
		if len(query) > 8*patternLimit {
			t.Errorf("a query of %d bytes", len(query))
		}
	}
}
