package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// newSeries answers range queries as Prometheus does, with the latency of the version that the query names: level for most,
// three times as much for v3.
func newSeries(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.FormValue("query")
		if !strings.HasSuffix(r.URL.Path, "/query_range") { // nothing is counted here
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
			return
		}
		number := func(field string) float64 {
			f, err := strconv.ParseFloat(r.FormValue(field), 64)
			if err != nil {
				t.Errorf("%s of %s: %v", field, r.URL.Path, err)
			}
			return f
		}
		level := 10.0
		if strings.Contains(query, `"v3-`) {
			level = 30
		}
		points, from, step := [][]any{}, number("start"), number("step")
		for i := range int((number("end")-from)/step) + 1 {
			at := from + float64(i)*step
			points = append(points, []any{at, fmt.Sprint(level + math.Sin(at*77+float64(len(query))))})
		}
		json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix",
			"result": []any{map[string]any{"metric": map[string]string{}, "values": points}}}})
	}))
	t.Cleanup(s.Close)
	return s
}

// A canary config of Kayenta's judges a release: what it scores well is promoted, and what it does not goes back.
func TestReleaseByKayentasJudge(t *testing.T) {
	long(t, "a judgement needs points")
	t.Parallel()
	series := newSeries(t)
	version := func(app string) string {
		return spec{app: app, metrics: fmt.Sprintf("prometheus: {address: %q, preset: go}", series.URL), canary: `judge:
  kind: kayenta
  interval: 2s
  lifetime: 4s
  step: 50ms
  scopes: {control: "{{ stableRevision }}", experiment: "{{ canaryRevision }}"}
  config:
    metrics:
    - name: latency
      groups: [users]
      query: {type: prometheus, customInlineTemplate: 'PromQL:latency{revision="${scope}"}'}
      analysisConfigurations: {canary: {direction: increase, critical: true, effectSize: {criticalIncrease: 1.5}}}
    classifier: {groupWeights: {users: 100}}
steps: [{weight: 10, hold: 1s}]`}.yaml()
	}
	s := start(t, version("version=v1"))
	s.over("shop", 15*time.Second)
	s.rewrite(version("version=v2"))
	if good := s.over("shop-2", 40*time.Second); good.Phase != plan.Succeeded {
		t.Errorf("the good version: want promotion, got %s", good.Headline)
	}
	s.rewrite(version("version=v3"))
	bad := s.over("shop-3", 40*time.Second)
	if bad.Phase != plan.Returned || bad.Failure == nil || !strings.Contains(bad.Failure.Text, "judgement 1 of 2: score 0") || !strings.Contains(bad.Failure.Text, "latency") {
		t.Errorf("the bad version: want a rollback with its reason, got %s", bad.Headline)
	}
}
