package threshold_test

import (
	"encoding/json"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/threshold"
	"serin.dev/serin/internal/plan"
)

// asked is a look at the end of a check, with readings "name=JSON" or "name=!error".
func asked(t float64, readings ...string) judge.Look {
	l := judge.Look{T: t, Weight: 10, Readings: map[string]judge.Reading{}}
	for _, r := range readings {
		name, value, _ := strings.Cut(r, "=")
		if text, failed := strings.CutPrefix(value, "!"); failed {
			l.Readings[name] = judge.Reading{Error: text}
		} else {
			l.Readings[name] = judge.Reading{Value: json.RawMessage(value)}
		}
	}
	return l
}

// What Flagger's contract says of ranges, no data and failed checks.
func TestRanges(t *testing.T) {
	one := `{"metrics": [{"name": "m", "range": {"min": 1, "max": 5}}], "checks": {"failed": 1, "passed": 1}}`
	two := `{"metrics": [{"name": "a", "range": {"max": 5}}, {"name": "b", "range": {"min": 1}}], "checks": {"failed": 2, "passed": 2}}`
	hold := `{"noData": "hold", "metrics": [{"name": "m", "range": {"min": 1}}]}`
	both := `{"failures": {"max": "10%"}, "metrics": [{"name": "m", "range": {"min": 1}}], "checks": {"passed": 1}}`
	for _, c := range []struct {
		reason, settings string
		looks            []judge.Look
		want             plan.Outcome
		says             string
	}{
		{"within its range", one, []judge.Look{asked(60, "m=[3]")}, plan.Pass, "1 good checks, the last: m 3 within 1..5"},
		{"its least value belongs to it", one, []judge.Look{asked(60, "m=1")}, plan.Pass, ""},
		{"its largest value belongs to it", one, []judge.Look{asked(60, "m=5.0")}, plan.Pass, ""},
		{"below", one, []judge.Look{asked(60, "m=0.99")}, plan.Fail, "1 failed checks, the last: m 0.99 < 1"},
		{"above", one, []judge.Look{asked(60, "m=5.1")}, plan.Fail, "m 5.1 > 5"},
		{"infinity is a value", one, []judge.Look{asked(60, `m="Infinity"`)}, plan.Fail, "m +Inf > 5"},
		{"NaN is no data", one, []judge.Look{asked(60, `m=["NaN"]`)}, plan.Fail, "no values found for m: the answer is NaN"},
		{"an empty vector is no data", one, []judge.Look{asked(60, "m=[]")}, plan.Fail, "no values found for m"},
		{"an error is a failed check", one, []judge.Look{asked(60, "m=!Prometheus is down")}, plan.Fail, "no values found for m: Prometheus is down"},
		{"nobody asked", one, []judge.Look{asked(60)}, plan.Fail, "no values found for m: nobody has asked"},
		{"what is no number is no data", one, []judge.Look{asked(60, `m={"a":1}`)}, plan.Fail, "is no number"},
		{"of several series the last", one, []judge.Look{asked(60, "m=[9, 3]")}, plan.Pass, ""},
		{"of several readings in a check the last", one, []judge.Look{asked(30, "m=9"), asked(60, "m=3")}, plan.Pass, ""},
		{"a reading is good for its own check", one, []judge.Look{asked(60, "m=3"), asked(120)}, plan.Fail, "nobody has asked"},
		{"before the first check", one, []judge.Look{asked(30)}, plan.Insufficient, "no metric was measured yet"},
		{"measured before the first check ends", one, []judge.Look{asked(30, "m=9")}, plan.Hold, "the first check ends at 60 s"},

		{"two wrong at once are one failed check", two, []judge.Look{asked(60, "a=9", "b=0")}, plan.Hold, "a 9 > 5"},
		{"failed checks need not follow each other", two, []judge.Look{asked(60, "a=9", "b=1"), asked(120, "a=1", "b=1"), asked(180, "a=1", "b=0")}, plan.Fail, "2 failed checks, the last: b 0 < 1"},
		{"bad values and no data count alike", two, []judge.Look{asked(60, "a=9", "b=1"), asked(120, "a=1", "b=!x")}, plan.Fail, "no values found for b: x"},
		{"all must be right", two, []judge.Look{asked(60, "a=1", "b=1"), asked(120, "a=1", "b=1")}, plan.Pass, "2 good checks, the last: a 1 <= 5; b 1 >= 1"},

		{"noData: hold", hold, []judge.Look{asked(60, "m=!x"), asked(120)}, plan.Insufficient, "no values found for m: nobody has asked"},
		{"noData: hold, and bad values fail", hold, []judge.Look{asked(60, "m=!x"), asked(120, "m=0")}, plan.Fail, "m 0 < 1"},

		{"requests and metrics", both, []judge.Look{with(canary(60, 100, 10), "m=1")}, plan.Pass, "10 % of 100 requests failed, limit 10 %; m 1 >= 1"},
		{"requests fail", both, []judge.Look{with(canary(60, 100, 11), "m=1")}, plan.Fail, "the last: 11 % of 100 requests failed"},
		{"the metric fails", both, []judge.Look{with(canary(60, 100, 0), "m=0")}, plan.Fail, "the last: m 0 < 1"},
		{"a missed scrape takes no reading along", both, []judge.Look{canary(30, 50, 0), asked(60, "m=1")}, plan.Hold, "the canary was not scraped"},
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
				if _, err := json.Marshal(v); err != nil {
					t.Errorf("verdict %+v: %v", v, err)
				}
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

func with(l judge.Look, readings ...string) judge.Look {
	l.Readings = asked(l.T, readings...).Readings
	return l
}

func TestMetricsAreReadStrictly(t *testing.T) {
	for metric, want := range map[string]string{
		`{"name": "a"}`:                                              "metrics[0].range: is missing: give min, max or both",
		`{"range": {"min": 1}}`:                                      "metrics[0].name: must be 1 to 63",
		`{"name": "a", "range": {"min": 2, "max": 1}}`:               "metrics[0].range.min: 2 is more than max 1",
		`{"name": "a", "range": {"min": "NaN"}}`:                     `metrics[0].range.min: "NaN" is not a number`,
		`{"name": "a", "range": {"mim": 2, "max": 1}}`:               "metrics[0].range.mim: unknown field",
		`{"name": "a", "range": {"max": 1}, "interval": 5}`:          "metrics[0].interval: \"5\" is not a duration",
		`{"name": "a", "range": {"max": 1}, "success": "x"}`:         "metrics[0].success: unknown field",
		`{"name": "a", "range": {"max": 1}}, {"name":"a","range":1}`: `metrics[1].name: "a" is the name of another metric`,
	} {
		if _, err := threshold.Decode(json.RawMessage(`{"metrics": [` + metric + `]}`)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decode %s: %v, want %s", metric, err, want)
		}
	}
}

// What a state of the judge before metrics looked like is still read.
func TestOldStatesAreRead(t *testing.T) {
	j, err := threshold.New(threshold.Default())
	if err != nil {
		t.Fatal(err)
	}
	old := `{"settings":{"Interval":60,"Failures":0.01,"Quantile":0,"Latency":0,"Failed":1,"Passed":10,"Hold":false},
		"started":true,"t":65,"check":120,"n":3,"x":0,"mixed":false,"all":7,"bad":0,"failed":0,"passed":1,"missed":0,"last":"0 % of 4 requests failed, limit 1 %"}`
	s, err := j.Restore([]byte(old))
	if err != nil {
		t.Fatal(err)
	}
	if _, v := j.Look(s, canary(120, 10, 0)); v.Outcome != plan.Hold || !strings.Contains(v.Reason, "of 13 requests") {
		t.Errorf("%s: %s", v.Outcome, v.Reason)
	}
}
