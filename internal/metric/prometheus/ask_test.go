package prometheus

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/conformance"
	"serin.dev/serin/internal/metric/prometheus/prometheustest"
)

func query(address, text string) metric.QueryQuestion {
	with, err := json.Marshal(map[string]string{"address": address, "query": text})
	if err != nil {
		panic(err) // two texts
	}
	return metric.QueryQuestion{
		Target: "Deployment/shop/checkout", With: with, Words: metric.Words{"namespace": "shop", "canary": "c-1|c-2", "interval": "1m"},
	}
}

func TestQueryConformance(t *testing.T) {
	conformance.RunQueries(t, conformance.QuerySubject{
		Driver: Driver,
		Refused: map[string]json.RawMessage{
			"address": json.RawMessage(`{"query":"up"}`), "query": json.RawMessage(`{"address":"http://p"}`),
			"timeout": json.RawMessage(`{"address":"http://p","query":"up","timeout":"1us"}`),
		},
		Start: func(t *testing.T) conformance.QueryBench {
			s := newServer(t)
			over := make(chan struct{})
			answers := s.Config.Handler
			t.Cleanup(func() { close(over) })
			return conformance.QueryBench{
				Store: openStore(t, &clock{time.Now()}), Answer: func(v float64) { s.set(v, "answer", "of", "shopa|b") },
				Ask: func(text string) metric.QueryQuestion {
					asked := "answer"
					if text != "" {
						asked = fmt.Sprintf("answer{of=%q}", text)
					}
					q := query(s.URL, asked)
					q.Words = metric.Words{"target": "shop", "canary": "a|b"}
					return q
				},
				Hang: func() {
					s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						<-over
						answers.ServeHTTP(w, r)
					})
				},
				Break: s.Close,
			}
		},
	})
}

// What each kind of answer is to a judge.
func TestQuery(t *testing.T) {
	s := newServer(t)
	s.set(3, "requests", "namespace", "shop", "pod", "c-1")
	s.set(4, "requests", "namespace", "shop", "pod", "c-2")
	s.set(100, "requests", "namespace", "shop", "pod", "a-1")
	store := openStore(t, &clock{time.Now()})
	for text, want := range map[string]string{
		`scalar(sum(requests))`: `107`,
		`1 / 0`:                 `"Infinity"`,
		`sum(requests{namespace="{{ namespace }}", pod=~"{{ canary }}"})`:              `[7]`,
		`sort(requests{pod=~"c-.*"})`:                                                  `[3,4]`,
		`requests{pod="nobody"}`:                                                       `[]`,
		`requests{pod="c-1"} * NaN`:                                                    `["NaN"]`,
		`sum_over_time(requests{pod="c-1"}[{{ interval }}])`:                           `[3]`,
		`requests{pod="c-1"}[{{ interval }}]`:                                          `[3]`,
		`sum(requests{pod=~"{{ canary }}"}) / sum(requests) < bool 0.5 or vector(0.5)`: `[1]`,
	} {
		got, err := store.Query(t.Context(), query(s.URL, text))
		if err != nil || string(got.Value) != want || got.Error != "" {
			t.Errorf("%s: %s, %v, want %s", text, got.Value, err, want)
		}
	}
	for i := range valuesMost + 1 {
		s.set(1, "many", "i", fmt.Sprint(i))
	}
	for text, want := range map[string]string{
		`many`:          "ask Prometheus: the answer has more than 1000 numbers; let the query sum them up",
		`"word"`:        "ask Prometheus: query ",
		`sum(requests`:  "ask Prometheus: query " + s.URL + ": bad_data: ",
		`{{ nothing }}`: "ask Prometheus: query: {{ nothing }} stands for nothing",
	} {
		if got, err := store.Query(t.Context(), query(s.URL, text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %s, %v, want %s", text, got.Value, err, want)
		}
	}
}

func TestQueriesAreChecked(t *testing.T) {
	for with, want := range map[string]string{
		`{}`:                           "address: says nothing",
		`{"address":"http://x"}`:       "query: asks nothing",
		`{"address":"x","query":"up"}`: "address: want http://HOST:PORT",
		`{"preset":"go"}`:              "preset: no such field",
		`{"address":"http://x","query":"{{ who }}"}`:                                 "query: {{ who }} stands for nothing",
		`{"address":"http://x","query":"up","timeout":"soon"}`:                       "timeout: ",
		`{"address":"http://x","query":"up","headers":{"authorization":"Bearer x"}}`: "headers: authorization is a credential",
		`{"address":"http://x","query":"up","auth":{"bearer":{}}}`:                   "auth.bearer: want secretRef",
	} {
		if err := CheckQuery(json.RawMessage(with)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", with, err, want)
		}
	}
}

// Two queries of the same server share their connections, and each is bounded in time.
func TestQueriesEnd(t *testing.T) {
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer silent.Close()
	defer close(release)
	store := openStore(t, &clock{time.Now()})
	for i := range 2 {
		q := query(silent.URL, "up")
		q.With = json.RawMessage(fmt.Sprintf(`{"address":%q,"query":"up+%d","timeout":"50ms"}`, silent.URL, i))
		began := time.Now()
		if _, err := store.Query(t.Context(), q); err == nil || !strings.Contains(err.Error(), "context deadline exceeded") {
			t.Errorf("nobody answers: %v", err)
		}
		if took := time.Since(began); took > patience {
			t.Errorf("it took %v", took)
		}
	}
	if n := len(store.desk.connections.all); n != 1 {
		t.Errorf("%d clients for one server", n)
	}
}

const patience = 10 * time.Second

// TestServerQuery asks the real Prometheus.
func TestServerQuery(t *testing.T) {
	p := newPod(t)
	at := prometheustest.Start(t, prometheustest.Scraping(scraped, prometheustest.Target{Job: "a", URL: p.URL, Labels: map[string]string{"pod": "c-1"}}))
	p.answer(95, false, time.Millisecond)
	p.answer(5, true, time.Millisecond)
	at.Until(t, `sum(http_request_duration_seconds_count{pod="c-1"}) == 100`)
	store := openStore(t, &clock{time.Now()})
	for text, want := range map[string]string{
		`sum(http_request_duration_seconds_count{pod=~"{{ canary }}",status!~"5.."}) / sum(http_request_duration_seconds_count{pod=~"{{ canary }}"})`: `[0.95]`,
		`sum(http_request_duration_seconds_count{pod="nobody"})`: `[]`,
		`scalar(sum(http_request_duration_seconds_count))`:       `100`,
		`vector(0) / 0`: `["NaN"]`,
	} {
		got, err := store.Query(t.Context(), query(at.URL, text))
		if err != nil || string(got.Value) != want {
			t.Errorf("%s: %s, %v, want %s", text, got.Value, err, want)
		}
	}
}
