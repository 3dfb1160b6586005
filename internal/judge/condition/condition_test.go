package condition_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/condition"
	"serin.dev/serin/internal/plan"
)

// run lets a judge see readings, one look each, every second from 1 on, with a restart between any two looks. A reading is
// JSON, "!text" for an error, or "-" for none; of several metrics, "name=reading name=reading".
func run(t *testing.T, settings string, looks ...string) plan.Verdict {
	t.Helper()
	c, err := condition.Decode(json.RawMessage(settings))
	if err != nil {
		t.Fatal(err)
	}
	j, err := condition.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := j.Start()
	var v plan.Verdict
	for i, text := range looks {
		data, err := s.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		if s, err = j.Restore(data); err != nil {
			t.Fatal(err)
		}
		s, v = j.Look(s, judge.Look{T: float64(i + 1), Readings: readings(text)})
		if (v.Outcome == plan.Fail) != (v.Evidence >= v.Limit) {
			t.Errorf("%s with evidence %g of %g", v.Outcome, v.Evidence, v.Limit)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("verdict %+v: %v", v, err)
		}
	}
	return v
}

func readings(text string) map[string]judge.Reading {
	all := map[string]judge.Reading{}
	if !strings.Contains(text, "=") {
		text = "m=" + text
	}
	for _, part := range strings.Fields(text) {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case value == "-":
		case value[0] == '!':
			all[name] = judge.Reading{Error: value[1:]}
		default:
			all[name] = judge.Reading{Value: json.RawMessage(value)}
		}
	}
	return all
}

// one is a judge of a single metric m.
func one(fields string) string { return fmt.Sprintf(`{"metrics": [{"name": "m", %s}]}`, fields) }

// Every line of the contract's tables on conditions, and of its order of limits.
func TestOneMetric(t *testing.T) {
	every := func(fields string) string { return one(`"interval": "1s", ` + fields) }
	for _, c := range []struct {
		reason, settings string
		looks            []string
		want             plan.Outcome
		says             string
	}{
		{"no conditions: every answer is good", one(`"count": 1`), []string{"3"}, plan.Pass, "the answer is 3"},
		{"success holds", one(`"success": "result >= 3"`), []string{"3"}, plan.Pass, "result >= 3 holds for 3; 1 of 1 measurements"},
		{"success does not hold", one(`"success": "result > 3"`), []string{"3"}, plan.Fail, "m: result > 3 does not hold for 3; failed 1 > failureLimit 0"},
		{"failure holds", one(`"failure": "result > 3"`), []string{"4"}, plan.Fail, "result > 3 holds for 4"},
		{"failure does not hold", one(`"failure": "result > 3"`), []string{"3"}, plan.Pass, "result > 3 does not hold for 3"},
		{"both hold: failure wins", one(`"success": "result > 0", "failure": "result > 3"`), []string{"4"}, plan.Fail, "result > 3 holds"},
		{"neither holds", one(`"success": "result < 1", "failure": "result > 3"`), []string{"2"}, plan.Insufficient,
			"neither result < 1 nor result > 3 holds for 2; inconclusive 1 > inconclusiveLimit 0"},
		{"before the first measurement", one(`"success": "result > 0"`), []string{"-"}, plan.Insufficient, "m was not measured yet"},

		{"an error is no failure", every(`"success": "result > 0"`), []string{"!down"}, plan.Insufficient, "no measurement: down"},
		{"four errors in a row are forgiven", every(`"success": "result > 0"`), []string{"!a", "!b", "!c", "!d"}, plan.Insufficient, "no measurement: d"},
		{"five are not", every(`"success": "result > 0"`), []string{"!a", "!b", "!c", "!d", "!e"}, plan.Unavailable,
			"no measurement: e; consecutive errors 5 > consecutiveErrorLimit 4"},
		{"an answer ends the row", every(`"success": "result > 0"`), []string{"!a", "!b", "!c", "1", "!d", "!e", "!f"}, plan.Hold, "no measurement: f"},
		{"answers come back", every(`"success": "result > 0", "consecutiveErrorLimit": 0`), []string{"!a", "1"}, plan.Pass, "holds for 1"},
		{"errors: fail", `{"errors": "fail", "metrics": [{"name": "m", "consecutiveErrorLimit": 1}]}`, []string{"!a", "!b"}, plan.Fail, "consecutive errors 2 > consecutiveErrorLimit 1"},
		{"errors: fail is for good", `{"errors": "fail", "metrics": [{"name": "m", "interval": "1s", "consecutiveErrorLimit": 0}]}`, []string{"!a", "1"}, plan.Fail, "no measurement: a"},
		{"errors do not count", every(`"count": 2, "success": "result > 0"`), []string{"!a", "1", "!b", "1"}, plan.Pass, "2 of 2 measurements"},
		{"a condition that cannot be worked out is an error", every(`"success": "result[0] > 0"`), []string{"[]"}, plan.Insufficient, "no data returned from the metric provider"},
		{"what is neither true nor false is an error", every(`"success": "result"`), []string{"5"}, plan.Insufficient, "it gives 5, neither true nor false"},

		{"failures below the limit", every(`"success": "result > 0", "failureLimit": 2`), []string{"0", "1", "0"}, plan.Hold, "result > 0 does not hold for 0; 3 measurements"},
		{"failures add up, whatever is between them", every(`"success": "result > 0", "failureLimit": 1`), []string{"0", "1", "1", "0"}, plan.Fail, "failed 2 > failureLimit 1"},
		{"failureLimit -1 forgives all", every(`"success": "result > 0", "failureLimit": -1, "successLimit": 2`), []string{"0", "0", "0", "1", "1"}, plan.Pass, "2 good measurements in a row, successLimit 2"},
		{"inconclusive below the limit", every(`"success": "result > 5", "failure": "result < 3", "inconclusiveLimit": 1`), []string{"4"}, plan.Hold, "neither"},
		{"inconclusive over the limit", every(`"success": "result > 5", "failure": "result < 3", "inconclusiveLimit": 1`), []string{"4", "6", "4"}, plan.Insufficient, "inconclusive 2 > inconclusiveLimit 1"},
		{"inconclusive is for good", every(`"success": "result > 5", "failure": "result < 3"`), []string{"4", "6", "1"}, plan.Insufficient, "inconclusive 1"},

		{"a row of good ones is enough", every(`"success": "result > 0", "successLimit": 2, "failureLimit": 3`), []string{"1", "0", "1", "1"}, plan.Pass, "successLimit 2"},
		{"count reached, both limits", every(`"success": "result > 0", "count": 4, "successLimit": 2, "failureLimit": 2`), []string{"1", "0", "1", "0"}, plan.Insufficient, "neither failureLimit 2 nor successLimit 2 was reached"},
		{"count reached, successLimit alone", every(`"success": "result > 0", "count": 3, "successLimit": 2, "failureLimit": -1`), []string{"1", "0", "1"}, plan.Fail, "successLimit 2 was not reached"},
		{"count reached, failureLimit alone", every(`"success": "result > 0", "count": 3, "failureLimit": 1`), []string{"1", "0", "1"}, plan.Pass, "3 of 3 measurements"},
		{"the last of the count may still fail", every(`"success": "result > 0", "count": 2`), []string{"1", "0"}, plan.Fail, "failed 1"},
		{"count not reached", every(`"success": "result > 0", "count": 3`), []string{"1", "1"}, plan.Hold, "2 of 3 measurements"},
		{"what has ended takes no more", every(`"success": "result > 0", "count": 1`), []string{"1", "0"}, plan.Pass, "holds for 1"},
		{"without an end, good so far", every(`"success": "result > 0"`), []string{"1", "1"}, plan.Pass, "2 measurements"},
		{"without an end, one forgiven failure", every(`"success": "result > 0", "failureLimit": 1`), []string{"1", "0"}, plan.Hold, "does not hold for 0"},
		{"a failure is for good", every(`"success": "result > 0"`), []string{"0", "1"}, plan.Fail, "failed 1"},

		{"not before its time", one(`"initialDelay": "3s", "success": "result > 0"`), []string{"0", "0"}, plan.Insufficient, "first measured after 3 s"},
		{"from its time on", one(`"initialDelay": "3s", "success": "result > 0"`), []string{"0", "0", "1"}, plan.Pass, "holds for 1"},
		{"not more often than asked", one(`"interval": "3s", "success": "result > 0"`), []string{"1", "0", "1", "0", "0"}, plan.Pass, "2 measurements"},
		{"as often as asked", one(`"interval": "3s", "success": "result > 0"`), []string{"1", "1", "0"}, plan.Fail, "failed 1"},

		{"NaN is no number", one(`"success": "result[0] > 0"`), []string{`["NaN"]`}, plan.Fail, "does not hold for [NaN]"},
		{"isNaN", one(`"success": "isNaN(result[0]) || result[0] > 0"`), []string{`["NaN"]`}, plan.Pass, ""},
		{"isInf", one(`"failure": "isInf(result)"`), []string{`"-Infinity"`}, plan.Fail, "holds for -Inf"},
		{"default of nothing", one(`"success": "default(result, 0) < 0.05"`), []string{"null"}, plan.Pass, "holds for null"},
		{"default looks at its argument", one(`"success": "default(result.a, 7) == 7 && default(result.b, 7) == 1"`), []string{`{"b":1}`}, plan.Pass, ""},
		{"isNil", one(`"success": "isNil(result.a) && !isNil(result.b)"`), []string{`{"b":1}`}, plan.Pass, ""},
		{"asInt and asFloat", one(`"success": "asInt(result.a) == 5 && asFloat(result.b) > 0.4 && asInt(2.9) == 2"`), []string{`{"a":"5","b":"0.5"}`}, plan.Pass, ""},
		{"asFloat of what is none", one(`"success": "asFloat(result) > 1"`), []string{`"many"`}, plan.Insufficient, `"many" is no number`},
		{"len and all", one(`"success": "len(result) == 2 && all(result, # < 5)"`), []string{"[1,4]"}, plan.Pass, ""},
		{"any", one(`"failure": "any(result, # > 3)"`), []string{"[1,4]"}, plan.Fail, "holds for [1, 4]"},
		{"fields of JSON", one(`"success": "result.ok && result.data.rate > 0.9"`), []string{`{"ok":true,"data":{"rate":0.99}}`}, plan.Pass, ""},
		{"filter, map, count", one(`"success": "count(result, # > 1) == 2 && sum(map(filter(result, # > 1), # * 2)) == 10"`), []string{"[1,2,3]"}, plan.Pass, ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			if v := run(t, c.settings, c.looks...); v.Outcome != c.want || !strings.Contains(v.Reason, c.says) {
				t.Errorf("%s: %q, want %s: %q", v.Outcome, v.Reason, c.want, c.says)
			}
		})
	}
}

// The worst of the metrics decides.
func TestTheRelease(t *testing.T) {
	metrics := func(fields ...string) string {
		return `{"metrics": [{"name": "a", "interval": "1s", ` + strings.Join(fields, `}, {"name": "b", "interval": "1s", `) + `}]}`
	}
	up := `"success": "result > 0"`
	for _, c := range []struct {
		reason, settings string
		looks            []string
		want             plan.Outcome
		says             string
	}{
		{"all good", metrics(up, up), []string{"a=1 b=2"}, plan.Pass, "a: result > 0 holds for 1; 1 measurement; b: result > 0 holds for 2"},
		{"one is not measured", metrics(up, up), []string{"a=1"}, plan.Insufficient, "b was not measured yet"},
		{"one fails", metrics(up, up), []string{"a=1 b=0"}, plan.Fail, "b: result > 0 does not hold"},
		{"failed before without answers", metrics(up+`, "consecutiveErrorLimit": 0`, up), []string{"a=!x b=0"}, plan.Fail, "b:"},
		{"without answers before inconclusive", metrics(up+`, "failure": "result < 0"`, up+`, "consecutiveErrorLimit": 0`), []string{"a=0 b=!x"}, plan.Unavailable, "b:"},
		{"inconclusive before running", metrics(up+`, "count": 5`, up+`, "failure": "result < 0"`), []string{"a=1 b=0"}, plan.Insufficient, "b: neither"},
		{"one is not at its count", metrics(up+`, "count": 2`, up+`, "count": 3`), []string{"a=1 b=1", "a=1 b=1"}, plan.Hold, "b: result > 0 holds for 1; 2 of 3"},
		{"each at its count", metrics(up+`, "count": 1`, up+`, "count": 2`), []string{"a=1 b=1", "b=1"}, plan.Pass, ""},
		{"a dry run fails nobody", metrics(up, up+`, "dryRun": true`), []string{"a=1 b=0"}, plan.Pass, "a: result > 0"},
		{"a dry run is waited for", metrics(up, up+`, "dryRun": true, "count": 2`), []string{"a=1 b=1"}, plan.Hold, "b (dry run): result > 0 holds for 1; 1 of 2"},
		{"a failed dry run has ended", metrics(up, up+`, "dryRun": true, "count": 2`), []string{"a=1 b=0"}, plan.Pass, ""},
		{"dry runs alone", metrics(up+`, "dryRun": true`, up+`, "dryRun": true`), []string{"a=0 b=0"}, plan.Pass, "only dry runs"},
		{"metrics of others are passed over", metrics(up, up), []string{"a=1 b=1 c=0"}, plan.Pass, ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			if v := run(t, c.settings, c.looks...); v.Outcome != c.want || !strings.Contains(v.Reason, c.says) {
				t.Errorf("%s: %q, want %s: %q", v.Outcome, v.Reason, c.want, c.says)
			}
		})
	}
}

func TestHistoryAndTime(t *testing.T) {
	j, err := condition.New(condition.Config{Errors: "hold", Metrics: []condition.Metric{{Name: "m", Success: "result > 0", Count: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	s, v := j.Look(j.Start(), judge.Look{T: -5, Readings: readings("0")})
	if v.Outcome != plan.Insufficient || !strings.Contains(v.Reason, "history") {
		t.Errorf("history: %s: %s", v.Outcome, v.Reason)
	}
	s, v = j.Look(s, judge.Look{T: 5})
	s, v = j.Look(s, judge.Look{T: 5, Readings: readings("0")})
	if v.Outcome == plan.Fail || !strings.Contains(v.Reason, "does not come after") {
		t.Errorf("the same time again: %s: %s", v.Outcome, v.Reason)
	}
	if !j.Wants(s, "m") || j.Wants(s, "other") {
		t.Error("the metric still wants readings, and there is no other")
	}
	if s, v = j.Look(s, judge.Look{T: 6, Gap: true, Readings: readings("1")}); v.Outcome != plan.Pass || j.Wants(s, "m") {
		t.Errorf("a gap in the counts is none in the readings: %s: %s", v.Outcome, v.Reason)
	}
}

func TestAStateOfOtherConditionsIsRefused(t *testing.T) {
	c, err := condition.Decode(json.RawMessage(one(`"success": "result > 0"`)))
	if err != nil {
		t.Fatal(err)
	}
	j, err := condition.New(c)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := j.Start().Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	c.Metrics[0].Success = "result > 1"
	other, err := condition.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Restore(kept); err == nil || !strings.Contains(err.Error(), "under other conditions") {
		t.Errorf("restored: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for fields, want := range map[string]string{
		`"success": "result >"`:                             "metrics[0].success: unexpected token EOF",
		`"success": "reslt > 0"`:                            "metrics[0].success: unknown name reslt",
		`"success": "1 + 1"`:                                "metrics[0].success: expected bool, but got int",
		`"success": "now() > result"`:                       "metrics[0].success: unknown name now",
		`"failure": "repeat(result, 9) == ''"`:              "unknown name repeat",
		`"failureLimit": -1`:                                "metrics[0].failureLimit: nothing could fail or end this metric",
		`"failureLimit": -2`:                                `metrics[0].failureLimit: "-2" is not a whole number between -1`,
		`"count": 3, "interval": "1s", "failureLimit": 4`:   "metrics[0].count: 3 measurements cannot reach failureLimit 4",
		`"count": 2, "interval": "1s", "successLimit": 3`:   "cannot reach failureLimit 0 and successLimit 3",
		`"count":2,"interval":"1s","inconclusiveLimit":3`:   "cannot reach inconclusiveLimit 3",
		`"count": 2`:                                        "metrics[0].interval: is missing: there are 2 measurements",
		`"interval": "1"`:                                   "metrics[0].interval: \"1\" is not a duration",
		`"dryRun": "maybe"`:                                 `metrics[0].dryRun: "maybe" is neither true nor false`,
		`"sucess": "true"`:                                  "metrics[0].sucess: unknown field",
		`"success": "` + strings.Repeat("!", 3000) + `"`:    "at most 2000 are read",
		`"success": "` + strings.Repeat("1+", 400) + `1>0"`: "exceeds maximum allowed nodes",
	} {
		if _, err := condition.Decode(json.RawMessage(one(fields))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decode %.60s: %v, want %s", fields, err, want)
		}
	}
	for text, want := range map[string]string{
		`{}`:                             "metrics: is empty",
		`{"metrics": [{}]}`:              "metrics[0].name: must be 1 to 63",
		`{"metrics": [1]}`:               "metrics[0]: must be a mapping",
		`{"metrics": 1}`:                 "metrics: must be a list",
		`{"errors": "x", "metrics": []}`: `errors: "x" is not one of hold, fail`,
		`{"metrics": [{"name": "a"}, {"name": "a"}]}`: `metrics[1].name: "a" is the name of another metric`,
	} {
		if _, err := condition.Decode(json.RawMessage(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decode %s: %v, want %s", text, err, want)
		}
	}
}
