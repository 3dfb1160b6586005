package kayenta

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

const block = `{"kind":"kayenta","interval":"10s","lifetime":"30s","config":{"metrics":[{"name":"a","groups":["x"]},{"name":"b","groups":["y"],
	"analysisConfigurations":{"canary":{"direction":"increase","effectSize":{"allowedIncrease":1.2}}}}],"classifier":{"groupWeights":{"x":80,"y":20}}}}`

func reading(control, experiment float64) judge.Reading {
	text, err := json.Marshal(answer{Control: steady(control, 20), Experiment: steady(experiment, 20), StepMillis: 1000})
	if err != nil {
		panic(err)
	}
	return judge.Reading{Value: text}
}

func readings(a, b judge.Reading) map[string]judge.Reading {
	return map[string]judge.Reading{"a": a, "b": b}
}

// release judges looks one by one, each with a state that was written down and read again.
func release(t *testing.T, block string, looks ...judge.Look) []plan.Verdict {
	t.Helper()
	settings, err := Decode(json.RawMessage(block))
	if err != nil {
		t.Fatal(err)
	}
	j, err := New(settings)
	if err != nil {
		t.Fatal(err)
	}
	whole, broken := j.Start(), j.Start()
	var all []plan.Verdict
	for i, l := range looks {
		data, err := broken.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if broken, err = j.Restore(data); err != nil {
			t.Fatal(err)
		}
		var v, again plan.Verdict
		whole, v = j.Look(whole, l)
		broken, again = j.Look(broken, l)
		if !reflect.DeepEqual(v, again) {
			t.Errorf("look %d is judged differently after a restart:\n%+v\n%+v", i, v, again)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("look %d: %v", i, err)
		}
		if v.Outcome == plan.Fail && v.Evidence < v.Limit {
			t.Errorf("look %d fails with evidence %g of %g", i, v.Evidence, v.Limit)
		}
		all = append(all, v)
	}
	return all
}

func TestAnalysisOfARelease(t *testing.T) {
	good, bad := reading(10, 10), reading(10, 30)
	silent, empty := judge.Reading{Error: "store: no route to host"}, judge.Reading{Value: json.RawMessage(`[]`)}
	const weighed = `"groupWeights":{"x":80,"y":20}`
	for _, c := range []struct {
		reason, block string
		looks         []judge.Look
		want          []plan.Outcome
		says          string // the last reason
	}{
		{"three good judgements pass", block,
			[]judge.Look{{T: 10, Readings: readings(good, good)}, {T: 20, Readings: readings(good, good)}, {T: 30, Readings: readings(good, good)}},
			[]plan.Outcome{plan.Hold, plan.Hold, plan.Pass}, "judgement 3 of 3: score 100 reaches the pass threshold 95"},
		{"a bad one ends it", block,
			[]judge.Look{{T: 10, Readings: readings(good, good)}, {T: 20, Readings: readings(bad, good)}, {T: 30, Readings: readings(good, good)}},
			[]plan.Outcome{plan.Hold, plan.Fail, plan.Fail}, "judgement 2 of 3: score 20 is not above the marginal threshold 75; a is High (canary"},
		{"between the thresholds it goes on, and fails at the end", block,
			[]judge.Look{{T: 10, Readings: readings(good, bad)}, {T: 20, Readings: readings(good, bad)}, {T: 30, Readings: readings(good, bad)}},
			[]plan.Outcome{plan.Hold, plan.Hold, plan.Fail}, "judgement 3 of 3: score 80 is below the pass threshold 95"},
		{"only the last score counts for pass", block,
			[]judge.Look{{T: 10, Readings: readings(good, bad)}, {T: 20, Readings: readings(good, bad)}, {T: 30, Readings: readings(good, good)}},
			[]plan.Outcome{plan.Hold, plan.Hold, plan.Pass}, "score 100 reaches"},
		{"marginal itself fails", strings.Replace(block, weighed, `"groupWeights":{"x":75,"y":25}`, 1),
			[]judge.Look{{T: 10, Readings: readings(good, bad)}}, []plan.Outcome{plan.Fail}, "score 75 is not above the marginal threshold 75"},
		{"readings come early, late and apart", block,
			[]judge.Look{{T: 4, Readings: readings(good, good)}, {T: 9.5}, {T: 15}, {T: 19.9, Readings: map[string]judge.Reading{"a": good}}, {T: 21, Readings: map[string]judge.Reading{"b": good}}},
			[]plan.Outcome{plan.Hold, plan.Hold, plan.Hold, plan.Hold, plan.Hold}, "judgement 2 of 3: score 100"},
		{"a store that does not answer", block, []judge.Look{{T: 10, Readings: readings(good, silent)}, {T: 12, Readings: map[string]judge.Reading{"b": good}}},
			[]plan.Outcome{plan.Unavailable, plan.Hold}, "judgement 1 of 3: score 100"},
		{"a metric that nobody asked", block, []judge.Look{{T: 10, Readings: map[string]judge.Reading{"a": good}}},
			[]plan.Outcome{plan.Hold}, `judgement 1 of 3 waits for metric "b" to be read`},
		{"no data at all", block, []judge.Look{{T: 10, Readings: readings(empty, empty)}}, []plan.Outcome{plan.Fail}, "50% or more metrics returned NODATA"},
		{"an answer that is no series", block, []judge.Look{{T: 10, Readings: readings(good, judge.Reading{Value: json.RawMessage(`0.97`)})}},
			[]plan.Outcome{plan.Unavailable}, `metric "b": read series`},
		{"an answer of one side", block, []judge.Look{{T: 10, Readings: readings(good, judge.Reading{Value: json.RawMessage(`{"control":[1]}`)})}},
			[]plan.Outcome{plan.Unavailable}, "control or experiment is missing"},
		{"history is not judged", block, []judge.Look{{T: -60, Readings: readings(bad, bad)}, {T: 0, Readings: readings(bad, bad)}},
			[]plan.Outcome{plan.Insufficient, plan.Insufficient}, "history teaches this judge nothing"},
		{"time that stands still", block, []judge.Look{{T: 10, Readings: readings(good, good)}, {T: 10, Readings: readings(bad, bad)}, {T: math.NaN()}},
			[]plan.Outcome{plan.Hold, plan.Hold, plan.Hold}, "its time NaN does not come after 10"},
		{"an analysis that begins late waits an interval", block, []judge.Look{{T: 1000, Readings: readings(bad, bad)}, {T: 1010, Readings: readings(good, good)}},
			[]plan.Outcome{plan.Hold, plan.Hold}, "judgement 1 of 3: score 100"},
		{"the lookback forgets what was before it", strings.Replace(block, `"lifetime"`, `"lookback":"6s","lifetime"`, 1),
			[]judge.Look{{T: 10, Readings: readings(judge.Reading{Value: json.RawMessage(`{"stepMillis":1000,"control":[1,1,1,1,5,6,7,8,9,5],"experiment":[90,91,92,93,5,6,7,8,9,5]}`)}, good)}},
			[]plan.Outcome{plan.Hold}, "judgement 1 of 3: score 100"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			verdicts := release(t, c.block, c.looks...)
			for i, v := range verdicts {
				if v.Outcome != c.want[i] {
					t.Errorf("look %d: %s, want %s: %s", i, v.Outcome, c.want[i], v.Reason)
				}
			}
			if last := verdicts[len(verdicts)-1].Reason; !strings.Contains(last, c.says) {
				t.Errorf("the last reason is %q, want %q", last, c.says)
			}
		})
	}
}

func TestFindingsSpeakOfRatios(t *testing.T) {
	b := judge.Reading{Value: json.RawMessage(`[{"control":[0,0,0,0],"experiment":[1,2,3,4],"tags":{"zone":"1"}},
		{"control":["NaN"],"experiment":[1],"tags":{"zone":"2"}}]`)}
	v := release(t, block, judge.Look{T: 10, Readings: readings(reading(10, 30), b)})[0]
	if len(v.Metrics) != 3 {
		t.Fatalf("%d findings: %+v", len(v.Metrics), v)
	}
	a := v.Metrics[0]
	if a.Name != "a" || a.Outcome != plan.Fail || math.Abs(a.Effect-a.Canary/a.Stable) > 1e-9 || !(a.Low > 1 && a.Low < a.Effect && a.Effect < a.High) || a.Limit != 1 {
		t.Errorf("finding %+v", a)
	}
	if z := v.Metrics[1]; z.Name != "b{zone=1}" || z.Effect != unknown || z.Limit != 1.2 || z.N[plan.Canary] != 4 {
		t.Errorf("a control of zeros: %+v", z)
	}
	if n := v.Metrics[2]; n.Name != "b{zone=2}" || n.Outcome != plan.Insufficient || n.N[plan.Stable] != 0 {
		t.Errorf("no data: %+v", n)
	}
}

func TestStatesOfOtherSettingsAreRefused(t *testing.T) {
	one, err := Decode(json.RawMessage(block))
	if err != nil {
		t.Fatal(err)
	}
	other := one
	other.Thresholds.Pass = 90
	a, _ := New(one)
	b, _ := New(other)
	data, err := a.Start().Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Restore(data); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("restore: %v", err)
	}
	for _, bad := range []string{``, `[]`, `{}`, strings.Replace(string(data), `"judged":0`, `"judged":2`, 1)} {
		if _, err := a.Restore([]byte(bad)); err == nil {
			t.Errorf("restored %q", bad)
		}
	}
}

func TestSettingsAreReadStrictly(t *testing.T) {
	const config = `"config":{"metrics":[{"name":"m"}],"classifier":{}}`
	for text, want := range map[string]string{
		`{}`:                                                         "judge:1:1: config: is missing",
		`{"config":{"classifier":{}}}`:                               "config: has no metrics",
		`{"config":{"metrics":[{"name":"m"}]}}`:                      "classifier: is missing",
		`{"config":3}`:                                               "not a JSON object",
		`{` + config + `,"interval":"5"}`:                            "interval",
		`{` + config + `,"lifetime":"0s"}`:                           "lifetime: 0s is not positive",
		`{` + config + `,"thresholds":{"pass":50}}`:                  "marginal 75 is above pass 50",
		`{` + config + `,"thresholds":{"good":50}}`:                  "thresholds.good: unknown field",
		`{` + config + `,"treshold":1}`:                              "treshold: unknown field",
		`{` + config + `,"interval":"1ms","lifetime":"9h"}`:          "more than 100000 judgements",
		`{"config":{"metrics":[{"name":"m","groups":1}]}}`:           "metrics[0]: groups",
		`{"config":{"judge":{"name":"dredd-v1.0"},"classifier":{}}}`: "judge.name",
	} {
		if _, err := Decode(json.RawMessage(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decode %s: %v, want %s", text, err, want)
		}
	}
	s, err := Decode(json.RawMessage(`{` + config + `,"lookback":0}`))
	if err != nil || s.Interval != 300 || s.Lifetime != 3600 || s.Lookback != 0 || s.Thresholds != (Thresholds{Pass: 95, Marginal: 75}) {
		t.Errorf("defaults: %+v, %v", s, err)
	}
}

func FuzzJudge(f *testing.F) {
	f.Add([]byte(one), []byte(`[{"name":"m","values":{"control":[1,2,3],"experiment":[4,"NaN",5]}}]`))
	f.Add([]byte(one), []byte(`[{"name":"m","values":{"control":["Infinity","-Infinity",1e308],"experiment":[-1e308,1e308,0]}}]`))
	f.Add([]byte(one), []byte(`[{"name":"m","values":{"control":[1e-320,1e-320],"experiment":[2e-320,2e-320,2e-320]}}]`))
	f.Add([]byte(`{"metrics":[{"name":"m","groups":["g","h"],"analysisConfigurations":{"canary":{"outliers":{"strategy":"remove","outlierFactor":-1},"effectSize":{"measure":"cles"}}}}],"classifier":{"groupWeights":{"g":-5}}}`),
		[]byte(`[{"name":"m","values":{"control":[1,2,30],"experiment":[4,5]}}]`))
	f.Fuzz(func(t *testing.T, config, list []byte) {
		c, err := ReadConfig(config)
		if err != nil {
			return
		}
		pairs, err := ReadPairs(list)
		if err != nil {
			return
		}
		r, err := Judge(c, pairs, Thresholds{Pass: 95, Marginal: 75})
		if err != nil {
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
		for _, m := range r.Results {
			if s := fmt.Sprint(finding(m, 1)); strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
				t.Errorf("a finding that is not finite: %s", s)
			}
		}
	})
}
