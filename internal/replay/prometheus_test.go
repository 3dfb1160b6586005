package replay_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"serin.dev/serin/internal/catalog"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/metric/prometheus/prometheustest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/replay"
)

// A pod is a program with podinfo's metrics, of native histograms, which answers requests as fast as it is told to.
type pod struct {
	url     string
	seconds *client.HistogramVec
	failing float64
	median  time.Duration
}

func newPod(t *testing.T, failing float64, median time.Duration) *pod {
	p := &pod{failing: failing, median: median}
	p.seconds = client.NewHistogramVec(client.HistogramOpts{Name: "http_request_duration_seconds", Help: ".", NativeHistogramBucketFactor: 1.1}, []string{"path", "status"})
	registry := client.NewRegistry()
	registry.MustRegister(p.seconds)
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *pod) answer(dice *rand.Rand, requests int) {
	for range requests {
		status := "200"
		if dice.Float64() < p.failing {
			status = "500"
		}
		p.seconds.WithLabelValues("root", status).Observe(p.median.Seconds() * (0.5 + dice.Float64()))
	}
}

// A real Prometheus scrapes pods of a good and of two bad releases; what it kept is replayed. The bad ones are rolled back, the
// good one is promoted, and what was read is replayed from its recording to the last byte.
func TestReplayFromPrometheus(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	stable := []*pod{newPod(t, 0.005, 20*time.Millisecond), newPod(t, 0.005, 20*time.Millisecond)}
	canaries := map[string]*pod{
		"good": newPod(t, 0.005, 20*time.Millisecond), "failing": newPod(t, 0.08, 20*time.Millisecond), "slow": newPod(t, 0.005, 60*time.Millisecond),
	}
	var targets []prometheustest.Target
	scraped := func(name string, p *pod) {
		targets = append(targets, prometheustest.Target{Job: name, URL: p.url, Labels: map[string]string{"namespace": "shop", "pod": name}})
	}
	for i, p := range stable {
		scraped(fmt.Sprintf("checkout-aaa-%d", i), p)
	}
	for name, p := range canaries {
		scraped("checkout-"+name, p)
	}
	at := prometheustest.Start(t, prometheustest.Scraping(250*time.Millisecond, targets...))
	at.Until(t, `count(up{namespace="shop"} == 1) == 5`)

	// Forty seconds of traffic: what is slow for the first thirty may be cold.
	start := time.Now()
	traffic := time.NewTicker(20 * time.Millisecond)
	defer traffic.Stop()
	for now := range traffic.C {
		for _, p := range stable {
			p.answer(dice, 20)
		}
		for _, p := range canaries {
			p.answer(dice, 4)
		}
		if now.Sub(start) > 40*time.Second {
			break
		}
	}
	end := time.Now()

	const text = `apiVersion: serin.dev/v1alpha1
kind: Canary
metadata: {name: checkout, namespace: shop}
spec:
  target: {kind: Deployment, name: checkout}
  traffic: {gatewayAPI: {route: checkout}}
  steps:
  - {weight: 10, hold: 5s}
  - {weight: 25, hold: 5s}
  metrics: {prometheus: {address: "http://elsewhere.invalid:9090"}}
`
	// Queries of the user's own are asked about the past as well: these know of failures alone.
	const failing = `sum(histogram_count(rate(http_request_duration_seconds{namespace="{{ namespace }}", pod=~"{{ canary }}", status="500"}[5s])))
      / sum(histogram_count(rate(http_request_duration_seconds{namespace="{{ namespace }}", pod=~"{{ canary }}"}[5s])))`
	ofScope := strings.NewReplacer("{{ canary }}", "${scope}", "{{ namespace }}", "shop").Replace(failing)
	const pairing = `{kind: kayenta, interval: 10s, lifetime: 20s, step: 1s, thresholds: {pass: 95, marginal: 75}, config: {metrics: [{name: failing, groups: [users],
    query: {type: prometheus, customInlineTemplate: 'PromQL:FAILING'},
    analysisConfigurations: {canary: {direction: increase, critical: true, effectSize: {criticalIncrease: 4, allowedIncrease: 3}}}}],
    classifier: {groupWeights: {users: 100}}}}`
	asking := func(judge string) string {
		query := fmt.Sprintf("{prometheus: {address: \"http://elsewhere.invalid:9090\", query: '%s'}}", failing)
		return text + "  judge: " + strings.Replace(judge, "QUERY", query, 1) + "\n"
	}
	d := draft(t, text)
	for by, c := range map[string]struct {
		draft compile.Draft
		ends  map[string]plan.Phase
	}{
		"sequential": {d, map[string]plan.Phase{"good": plan.Succeeded, "failing": plan.Returned, "slow": plan.Returned}},
		"condition": {
			draft(t, asking(`{kind: condition, metrics: [{name: failing, failure: "result[0] > 0.04", interval: 2s, initialDelay: 6s, count: 4, failureLimit: 1, query: QUERY}]}`)),
			map[string]plan.Phase{"good": plan.Succeeded, "failing": plan.Returned, "slow": plan.Succeeded},
		},
		"threshold": {
			draft(t, asking(`{kind: threshold, interval: 2s, checks: {failed: 3, passed: 2}, metrics: [{name: failing, range: {max: 0.04}, query: QUERY}]}`)),
			map[string]plan.Phase{"good": plan.Succeeded, "failing": plan.Returned, "slow": plan.Succeeded},
		},
		"kayenta": { // asks for both sides over a stretch of time
			draft(t, text+"  judge: "+strings.Replace(pairing, "FAILING", ofScope, 1)+"\n"),
			map[string]plan.Phase{"failing": plan.Returned, "slow": plan.Succeeded},
		},
	} {
		for name, want := range c.ends {
			t.Run(by+" "+name, func(t *testing.T) {
				tape, err := replay.FromPrometheus(replay.Head{Target: d.Target.Key(), Tracks: map[plan.TrackName]plan.Revision{plan.Canary: plan.Revision(name)}}, replay.Query{
					Address: at.URL, With: d.Analyses[0].Source.With, Target: d.Target.Key(), Start: start, End: end, Every: 500 * time.Millisecond,
					Members: map[plan.TrackName]string{plan.Stable: "checkout-aaa-.*", plan.Canary: "checkout-" + name},
				})
				if err != nil {
					t.Fatal(err)
				}
				hasty := c.draft
				hasty.Analyses[0].Every = 500 * time.Millisecond
				var out, keep strings.Builder
				result, err := replay.Run(t.Context(), replay.Replay{Draft: hasty, Tape: tape, Judge: catalog.Judge, Out: &out, Keep: &keep})
				if err != nil {
					t.Fatal(err)
				}
				if err := result.Print(&out); err != nil {
					t.Fatal(err)
				}
				t.Log(out.String())
				if result.Phase != want {
					t.Errorf("the replay came to %s, want %s", result.Phase, want)
				}
				if n := result.Recording.Canary.Requests; n < 1000 || n > 4*50*41 {
					t.Errorf("%d requests on the canary were read, it answered about %d", n, 4*50*40)
				}
				if _, _, again, copied := play(t, hasty, keep.String()); again != out.String() || copied != keep.String() {
					t.Errorf("from its recording the replay is another one:\n%s", again)
				}
			})
		}
	}

	t.Run("what is not there", func(t *testing.T) {
		q := replay.Query{
			Address: at.URL, Target: d.Target.Key(), Start: start, End: end, Every: time.Second,
			Members: map[plan.TrackName]string{plan.Stable: "checkout-.*", plan.Canary: "checkout-good"},
		}
		run := func(q replay.Query) (replay.Result, error) {
			tape, err := replay.FromPrometheus(replay.Head{Target: q.Target}, q)
			if err != nil {
				return replay.Result{}, err
			}
			return replay.Run(t.Context(), replay.Replay{Draft: d, Tape: tape, Judge: catalog.Judge})
		}
		if _, err := run(q); err == nil || !strings.Contains(err.Error(), "checkout-good is on 2 tracks") {
			t.Errorf("a pod on both tracks: %v", err)
		}
		q.Members = map[plan.TrackName]string{plan.Stable: "checkout-aaa-.*", plan.Canary: "nobody"}
		if got, err := run(q); err != nil || got.Phase.Over() || got.Recording.Canary.Requests != 0 {
			t.Errorf("a canary that was never there: %v, %+v", err, got.Phase)
		}
		q.Members[plan.Canary] = "checkout-("
		if _, err := run(q); err == nil || !strings.Contains(err.Error(), "names of canary") {
			t.Errorf("names that are no expression: %v", err)
		}
		q.Address = "http://127.0.0.1:1"
		q.Members[plan.Canary] = "checkout-good"
		if _, err := run(q); err == nil || !strings.Contains(err.Error(), "ask Prometheus about the past of Deployment/shop/checkout") {
			t.Errorf("nobody there: %v", err)
		}
	})
}
