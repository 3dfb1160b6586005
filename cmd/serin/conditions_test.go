package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/metric/prometheus/prometheustest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/replay"
)

// Checks are a server of the user's own, which knows how well each version does.
type checks struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]string // by version, what to answer one after the other; the last is for good. "503" is a refusal
	asked   map[string]int
	pods    map[string]bool // whom it was asked about
}

func newChecks(t *testing.T, answers map[string][]string) *checks {
	c := &checks{answers: answers, asked: map[string]int{}, pods: map[string]bool{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *checks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	version, _, _ := strings.Cut(r.URL.Query().Get("revision"), "-")
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.asked[version]
	c.asked[version]++
	c.pods[r.URL.Query().Get("pods")] = true
	answers := c.answers[version]
	answer := answers[min(n, len(answers)-1)]
	if answer == "503" {
		http.Error(w, "out for lunch", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, `{"data":{"rate":%s}}`, answer)
}

func (c *checks) times(version string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[version]
}

// conditional is a Canary judged by a condition on what the checks say.
func (c *checks) conditional(app, fields string) string {
	return spec{app: app, canary: fmt.Sprintf(`judge:
  kind: condition
  metrics:
  - name: success-rate
    query: {web: {url: "%s/rate?revision={{ canaryRevision }}&pods={{ canary }}", jsonPath: "{.data.rate}"}}
    success: result >= 0.95
%s
steps: [{weight: 10, hold: 1s}, {weight: 50, hold: 1s}]`, c.URL, indent(indent(fields)))}.yaml()
}

// A good version is promoted and a bad one sent back, by a condition on an answer from the web. The requests themselves have
// nothing to say: the bad version serves them all.
func TestConditionsOnTheWeb(t *testing.T) {
	long(t, "releases under load take some seconds each")
	t.Parallel()
	c := newChecks(t, map[string][]string{"v2": {"0.99"}, "v3": {"0.97", "0.5"}})
	s := prepare(t, c.conditional("version=v1", ""))
	looks := filepath.Join(s.dir, "looks")
	s.flags = []string{"--record", looks}
	s.start()
	s.over("shop", 15*time.Second)
	users := sendTo(t, s.url(), 50)
	const thrice = "interval: 500ms\ncount: 3\nfailureLimit: 1"

	s.rewrite(c.conditional("version=v2", thrice))
	good := s.over("shop-2", 40*time.Second)
	if good.Phase != plan.Succeeded || c.times("v2") != 3 {
		t.Errorf("the good version: want promotion after 3 answers, got %s after %d", good.Headline, c.times("v2"))
	}
	s.rewrite(c.conditional("version=v3", thrice))
	bad := s.over("shop-3", 40*time.Second)
	const why = "success-rate: result >= 0.95 does not hold for 0.5; failed 2 > failureLimit 1"
	if bad.Phase != plan.Returned || bad.Failure == nil || bad.Failure.Text != why || c.times("v3") != 3 {
		t.Errorf("the bad version: want a rollback after 3 answers, because %q; got %s after %d", why, bad.Headline, c.times("v3"))
	}
	told := s.cli("explain", "shop")
	for _, want := range []string{why, "evidence 2 of the 2 that roll back", "0.5, the last of 3 measurements"} {
		if !strings.Contains(told.out, want) {
			t.Errorf("explain does not say %q:\n%s%s", want, told.out, told.err)
		}
	}
	users.settle(50)
	users.nothingLost("nobody")
	for pods := range c.pods {
		if !strings.HasPrefix(pods, "127.0.0.1:") {
			t.Errorf("asked about the canary %q, which is no address", pods)
		}
	}

	// The recording has the answers: without anybody to ask, the release goes back for the same reason at the same time.
	if code := s.stop(); code != 0 {
		t.Fatalf("serin ended with %d:\n%s", code, s.log)
	}
	c.Close()
	got := s.cli("replay", "-f", s.file, "--from", filepath.Join(looks, "shop-3.jsonl"), "-o", "json")
	var again replay.Result
	if err := json.Unmarshal([]byte(got.out), &again); err != nil || got.code != 0 {
		t.Fatalf("replay: %v, %+v", err, got)
	}
	if again.Phase != plan.Returned || again.Reason != why || !again.Decided.Equal(bad.Failure.At) {
		t.Errorf("the replay came to %s at %s because %q, the release went back at %s", again.Phase, again.Decided, again.Reason, bad.Failure.At)
	}
}

// A serin that is killed between two answers remembers the first, and when it asked.
func TestConditionsSurviveAKill(t *testing.T) {
	long(t, "the interval of a query has to pass")
	t.Parallel()
	c := newChecks(t, map[string][]string{"v2": {"0.5"}})
	s := start(t, c.conditional("version=v1", ""))
	s.over("shop", 15*time.Second)
	s.rewrite(c.conditional("version=v2", "interval: 6s\nfailureLimit: 1"))
	s.until("shop-2", 20*time.Second, func(r progress.Release) bool {
		return len(r.Analyses) == 1 && r.Analyses[0].Evidence == 1
	})
	s.kill()
	s.start()
	bad := s.over("shop-2", 40*time.Second)
	if bad.Phase != plan.Returned || !strings.Contains(bad.Failure.Text, "failed 2 > failureLimit 1") || c.times("v2") != 2 {
		t.Errorf("want a rollback after 2 answers, got %s after %d", bad.Headline, c.times("v2"))
	}
}

// Ignorance holds: without answers nothing goes on and nothing goes back, and when answers come the release goes on.
func TestConditionsWithoutAnswers(t *testing.T) {
	long(t, "a query without an answer is asked again after ten seconds")
	t.Parallel()
	c := newChecks(t, map[string][]string{"v2": {"0.99", "503", "0.98"}})
	s := start(t, c.conditional("version=v1", ""))
	s.over("shop", 15*time.Second)
	s.rewrite(c.conditional("version=v2", "interval: 500ms\ncount: 3\nconsecutiveErrorLimit: 0"))
	dark := s.until("shop-2", 20*time.Second, func(r progress.Release) bool {
		return len(r.Analyses) == 1 && r.Analyses[0].Verdict == plan.Unavailable
	})
	if why := dark.Analyses[0].Reason; !strings.Contains(why, "it answers 503 Service Unavailable") || !strings.Contains(why, "consecutive errors 1 > consecutiveErrorLimit 0") {
		t.Errorf("without an answer serin says %q", why)
	}
	if good := s.over("shop-2", 60*time.Second); good.Phase != plan.Succeeded || c.times("v2") != 4 {
		t.Errorf("want promotion after 4 askings, got %s after %d", good.Headline, c.times("v2"))
	}
}

// The same with the real Prometheus, and a range instead of a condition.
func TestRangesOnPrometheus(t *testing.T) {
	t.Parallel()
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "success_rate{version=\"v2\"} 99.5\nsuccess_rate{version=\"v3\"} 98.2\n")
	}))
	defer exporter.Close()
	prom := prometheustest.Start(t, prometheustest.Scraping(500*time.Millisecond, prometheustest.Target{Job: "a", URL: exporter.URL}))
	prom.Until(t, `success_rate{version="v3"}`)
	version := func(app string) string {
		return spec{app: app, canary: fmt.Sprintf(`judge:
  kind: threshold
  interval: 1s
  checks: {failed: 2, passed: 2}
  metrics:
  - name: success-rate
    range: {min: 99, max: 100}
    query:
      prometheus:
        address: %s
        query: >-
          success_rate * on(version) label_replace(
            label_replace(vector(1), "revision", "{{ canaryRevision }}", "", ""), "version", "$1", "revision", "(.*)-.*")
steps: [{weight: 10, hold: 1s}]`, prom.URL)}.yaml()
	}
	s := start(t, version("version=v1"))
	s.over("shop", 15*time.Second)
	s.rewrite(version("version=v2"))
	if good := s.over("shop-2", 40*time.Second); good.Phase != plan.Succeeded {
		t.Errorf("the good version: want promotion, got %s", good.Headline)
	}
	s.rewrite(version("version=v3"))
	bad := s.over("shop-3", 40*time.Second)
	if bad.Phase != plan.Returned || bad.Failure == nil || bad.Failure.Text != "2 failed checks, the last: success-rate 98.2 < 99" {
		t.Errorf("the bad version: want a rollback with its reason, got %s", bad.Headline)
	}
}
