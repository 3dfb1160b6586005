package prometheus

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/conformance"
	"serin.dev/serin/internal/metric/prometheus/prometheustest"
	"serin.dev/serin/internal/plan"
)

// scraped is how often the tests have programs scraped: a machine that does other work as well must answer in that time.
const scraped = 500 * time.Millisecond

// TestServer runs the suite against the real Prometheus, which scrapes programs that count with client_golang.
func TestServer(t *testing.T) {
	for name, options := range map[string]client.HistogramOpts{"classic": {}, "native": {NativeHistogramBucketFactor: 1.1}} {
		t.Run(name, func(t *testing.T) { conform(t, options) })
	}
}

func conform(t *testing.T, options client.HistogramOpts) {
	conformance.Run(t, conformance.Subject{Driver: Driver, Refused: refused, Start: func(t *testing.T) conformance.Bench {
		pods := map[string]*pod{}
		var targets []prometheustest.Target
		tracks := map[plan.TrackName][]plan.Endpoint{}
		for _, name := range []string{"a", "b", "c"} {
			p := newPodOf(t, options)
			pods[name] = p
			targets = append(targets, prometheustest.Target{Job: name, URL: p.URL, Labels: map[string]string{"namespace": "shop", "pod": name}})
			track := plan.Stable
			if name == "c" {
				track = plan.Canary
			}
			tracks[track] = append(tracks[track], plan.Endpoint{Instance: name, URL: p.URL})
		}
		at := prometheustest.Start(t, prometheustest.Scraping(scraped, targets...))
		for name := range pods {
			at.Until(t, fmt.Sprintf(`up{pod=%q} == 1`, name))
		}
		c := &clock{time.Now()}
		return conformance.Bench{
			Store: openStore(t, c),
			Question: metric.Question{
				Target: "Deployment/shop/checkout", With: json.RawMessage(fmt.Sprintf(`{"address":%q}`, at.URL)), Tracks: tracks,
			},
			Answer: func(name string, n int, failed bool, took time.Duration) {
				p := pods[name]
				p.answer(n, failed, took)
				if p.total > 0 {
					at.Until(t, fmt.Sprintf(`(sum(http_request_duration_seconds_count{pod=%[1]q}) or histogram_count(sum(http_request_duration_seconds{pod=%[1]q}))) == %[2]d`,
						name, p.total))
				}
				c.at = c.at.Add(shared)
			},
			Break: func(name string) {
				pods[name].Close()
				at.Until(t, fmt.Sprintf(`up{pod=%q} == 0`, name))
				c.at = c.at.Add(shared)
			},
		}
	}})
}

// A pod is a program with metrics.
type pod struct {
	*httptest.Server
	seconds *client.HistogramVec
	total   int
}

func newPod(t *testing.T) *pod { return newPodOf(t, client.HistogramOpts{}) }

func newPodOf(t *testing.T, options client.HistogramOpts) *pod {
	options.Name, options.Help = "http_request_duration_seconds", "."
	p := &pod{seconds: client.NewHistogramVec(options, []string{"path", "status"})}
	registry := client.NewRegistry()
	registry.MustRegister(p.seconds)
	p.Server = httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(p.Close)
	return p
}

func (p *pod) answer(n int, failed bool, took time.Duration) {
	status := map[bool]string{false: "200", true: "503"}[failed]
	for range n {
		p.seconds.WithLabelValues("root", status).Observe(took.Seconds())
	}
	p.total += n
}
