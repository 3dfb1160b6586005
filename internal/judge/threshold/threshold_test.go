package threshold_test

import (
	"encoding/json"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/threshold"
	"serin.dev/serin/internal/plan"
)

func canary(t float64, requests, failures int64, buckets ...int64) judge.Look {
	tally := judge.Tally{Requests: requests, Failures: failures}
	if len(buckets) > 0 {
		tally.Bounds, tally.Buckets = []float64{0.1, 0.5, 1}[:len(buckets)], buckets
	}
	return judge.Look{T: t, Weight: 10, Tracks: map[plan.TrackName]judge.Counts{plan.Canary: {Pods: map[string]judge.Tally{"c": tally}}}}
}

func TestChecks(t *testing.T) {
	for _, c := range []struct {
		reason, settings string
		looks            []judge.Look
		want             plan.Outcome
		says             string
	}{
		{"before the first check ends", `{}`, []judge.Look{canary(30, 100, 100)}, plan.Hold, "the first check ends at 60 s"},
		{"one failed check fails", `{}`, []judge.Look{canary(30, 100, 0), canary(60, 100, 3)}, plan.Fail, "1.5 % of 200 requests failed, limit 1 %"},
		{"exactly the limit is good", `{}`, []judge.Look{canary(60, 100, 1)}, plan.Hold, "1 % of 100"},
		{"failed checks need not follow each other", `{"checks": {"failed": 2}}`,
			[]judge.Look{canary(60, 100, 2), canary(120, 100, 0), canary(180, 100, 2)}, plan.Fail, "2 failed checks"},
		{"good checks pass", `{"checks": {"passed": 2}}`, []judge.Look{canary(60, 100, 0), canary(120, 100, 0)}, plan.Pass, "2 good checks"},
		{"no data fails", `{}`, []judge.Look{canary(30, 5, 0), canary(60, 0, 0), canary(120, 0, 0)}, plan.Fail, "no requests"},
		{"no data may hold", `{"noData": "hold"}`, []judge.Look{canary(30, 5, 0), canary(60, 0, 0), canary(120, 0, 0)}, plan.Hold, "no requests"},
		{"latency is interpolated in its bucket", `{"latency": {"quantile": "99%", "max": "700ms"}}`,
			[]judge.Look{canary(60, 1000, 0, 900, 980, 1000)}, plan.Fail, "took up to 0.75 s"},
		{"latency within its limit", `{"latency": {"quantile": "99%", "max": "800ms"}}`,
			[]judge.Look{canary(60, 1000, 0, 900, 980, 1000)}, plan.Hold, "took up to 0.75 s"},
		{"latency without buckets is no data", `{"latency": {"max": "1s"}}`, []judge.Look{canary(60, 10, 0)}, plan.Fail, "no latency data"},
		{"history is not judged", `{}`, []judge.Look{canary(-60, 100, 100), canary(0, 100, 100)}, plan.Insufficient, "history"},
		{"contradictions bring nothing", `{}`, []judge.Look{canary(5, 1, 0), canary(10, 1, 2), canary(15, -1, 0), canary(20, 5, 0, 4, 3)},
			plan.Unavailable, "the counts of pod c contradict each other"},
		{"time must rise", `{}`, []judge.Look{canary(5, 1, 0), canary(5, 100, 100)}, plan.Hold, "its time 5 does not come after 5"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			cfg, err := threshold.Decode(json.RawMessage(c.settings))
			if err != nil {
				t.Fatal(err)
			}
			j, err := threshold.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			s := j.Start()
			var v plan.Verdict
			for _, l := range c.looks {
				data, err := s.Checkpoint()
				if err != nil {
					t.Fatal(err)
				}
				if s, err = j.Restore(data); err != nil {
					t.Fatal(err)
				}
				s, v = j.Look(s, l)
			}
			if v.Outcome != c.want || !strings.Contains(v.Reason, c.says) {
				t.Errorf("%s: %q, want %s: %q", v.Outcome, v.Reason, c.want, c.says)
			}
			if (v.Outcome == plan.Fail) != (v.Evidence >= v.Limit) {
				t.Errorf("%s with evidence %g of %g", v.Outcome, v.Evidence, v.Limit)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"latency": {}}`:           "judge:1:13: latency.max: is missing",
		`{"checks": {"failed": 0}}`: "judge:1:23: checks.failed",
		`{"noData": "pass"}`:        `judge:1:12: noData: "pass" is not one of fail, hold`,
	} {
		if _, err := threshold.Decode(json.RawMessage(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decode %s: %v, want %s", text, err, want)
		}
	}
}
