package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/conformance"
	"serin.dev/serin/internal/plan"
)

// TestServer runs the suite against the real Prometheus, which scrapes programs that count with client_golang.
func TestServer(t *testing.T) {
	program := os.Getenv("SERIN_PROMETHEUS")
	if program == "" {
		t.Skip("NOT RUN: this test needs Prometheus itself; SERIN_PROMETHEUS names the program, and `make e2e` builds it")
	}
	conformance.Run(t, conformance.Subject{Driver: Driver, Refused: refused, Start: func(t *testing.T) conformance.Bench {
		pods := map[string]*pod{}
		config := "global: {scrape_interval: 50ms, scrape_timeout: 50ms}\nscrape_configs:\n"
		tracks := map[plan.TrackName][]plan.Endpoint{}
		for _, name := range []string{"a", "b", "c"} {
			p := newPod(t)
			pods[name] = p
			config += fmt.Sprintf("- {job_name: %s, static_configs: [{targets: [%q], labels: {namespace: shop, pod: %s}}]}\n",
				name, strings.TrimPrefix(p.URL, "http://"), name)
			track := plan.Stable
			if name == "c" {
				track = plan.Canary
			}
			tracks[track] = append(tracks[track], plan.Endpoint{Instance: name, URL: p.URL})
		}
		at := start(t, program, config)
		for name := range pods {
			at.until(t, fmt.Sprintf(`up{pod=%q} == 1`, name))
		}
		c := &clock{time.Now()}
		return conformance.Bench{
			Store: openStore(t, c),
			Question: metric.Question{
				Target: "Deployment/shop/checkout", With: json.RawMessage(fmt.Sprintf(`{"address":%q}`, at.url)), Tracks: tracks,
			},
			Answer: func(name string, n int, failed bool, took time.Duration) {
				p := pods[name]
				p.answer(n, failed, took)
				if p.total > 0 {
					at.until(t, fmt.Sprintf(`sum(http_request_duration_seconds_count{pod=%q}) == %d`, name, p.total))
				}
				c.at = c.at.Add(shared)
			},
			Break: func(name string) {
				pods[name].Close()
				at.until(t, fmt.Sprintf(`up{pod=%q} == 0`, name))
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

func newPod(t *testing.T) *pod {
	p := &pod{seconds: client.NewHistogramVec(client.HistogramOpts{Name: "http_request_duration_seconds", Help: "."}, []string{"path", "status"})}
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

// A running Prometheus.
type running struct {
	url string
	api v1.API
}

func start(t *testing.T, program, config string) running {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := free(t)
	var said strings.Builder
	cmd := exec.Command(program, "--config.file="+dir+"/prometheus.yml", "--storage.tsdb.path="+dir+"/data", "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Log(said.String())
		}
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := api.NewClient(api.Config{Address: "http://" + address, RoundTripper: transport})
	if err != nil {
		t.Fatal(err)
	}
	return running{"http://" + address, v1.NewAPI(c)}
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// until waits for a query to have an answer.
func (r running) until(t *testing.T, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		value, _, _, err := r.api.Query(ctx, query, time.Time{})
		if vector, ok := value.(model.Vector); err == nil && ok && len(vector) > 0 {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("%s did not come true: %v, %v", query, value, err)
		}
	}
}
