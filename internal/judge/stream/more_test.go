package stream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge/stream"
	"serin.dev/serin/internal/plan"
)

// What a look may carry beside requests arrives at the judge: kinds of requests, restarts, levels and totals.
func TestLooksCarryMoreThanRequests(t *testing.T) {
	const line = `{"release":"r","t":%d,"weight":10,"tracks":{
		"stable":{"pods":{"a":{"requests":450,"failures":3,"strata":{"GET":{"requests":400,"failures":1},"POST":{"requests":50,"failures":2}},
			"gauges":{"memory":200},"sums":{"orders":{"n":450,"total":90}},"restarts":1}}},
		"canary":{"pods":{"c":{"requests":60,"failures":2.0,"strata":{"GET":{"requests":10,"failures":0},"POST":{"requests":50,"failures":2}},
			"gauges":{"memory":500},"sums":{"orders":{"n":60,"total":12}},"restarts":0}}}}}`
	var in, out bytes.Buffer
	for k := range 200 {
		fmt.Fprintln(&in, strings.NewReplacer("\n", "", "\t", "").Replace(fmt.Sprintf(line, 5*k+5)))
	}
	settings := "gauges: {memory: {tolerate: 1.3x}}\nsums: {orders: {fall: 10%}}\n"
	if err := stream.Run(context.Background(), &in, &out, []byte(settings)); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	var last stream.Answer
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil {
		t.Fatal(err)
	}
	got := map[string]plan.Outcome{}
	for _, m := range last.Metrics {
		got[m.Name] = m.Outcome
	}
	if last.Outcome != plan.Hold || !strings.HasPrefix(last.Reason, "memory is raised: 500 per instance on the canary, 200 on stable") {
		t.Errorf("%s: %s", last.Outcome, last.Reason)
	}
	for name, want := range map[string]plan.Outcome{"memory": plan.Hold, "orders": plan.Hold, "restarts": plan.Hold} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}
