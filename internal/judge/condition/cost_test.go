package condition_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/condition"
	"serin.dev/serin/internal/plan"
)

// No condition and no answer costs more than a moment, whatever it asks for; it is an error of the measurement.
func TestCostIsBounded(t *testing.T) {
	long := "[" + strings.Repeat("1,", 20_000) + "1]"
	for _, c := range []struct{ condition, value string }{
		{"len(filter(1..9000, {len(filter(1..9000, {# > 0})) > 0})) > 0", "1"},
		{"len(1..1000000000) > 0", "1"},
		{"len(map(1..9000, {1..9000})) > 0", "1"},
		{`len(reduce(1..60, #acc + #acc, "aaaa")) > 0`, "1"},
		{`len(reduce(1..60, {let a = #acc; a + a}, "aaaa")) > 0`, "1"},
		{"all(result, {result[0] in result})", long},
		{"all(1..4000, {result == result})", long},
		{`all(1..4000, {result matches "^(a+)+$"})`, `"` + strings.Repeat("a", 60_000) + `"`},
		{`all(1..4000, {len(split(result, "")) > 0})`, `"` + strings.Repeat("a", 60_000) + `"`},
		{`all(1..4000, {toJSON(result) != ""})`, long},
		{"result > 0", `"` + strings.Repeat("a", 70_000) + `"`},
	} {
		t.Run(c.condition, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			v := run(t, one(fmt.Sprintf(`"success": %q`, c.condition)), c.value)
			runtime.ReadMemStats(&after)
			if v.Outcome != plan.Insufficient || !strings.Contains(v.Reason, "no measurement") {
				t.Errorf("%s: %s", v.Outcome, v.Reason)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 256 {
				t.Errorf("it made %d MiB", made)
			}
			if len(v.Reason) > 3000 {
				t.Errorf("the reason has %d bytes", len(v.Reason))
			}
		})
	}
}

// Whatever users write as a condition, and stores as an answer: it ends soon, in a verdict that JSON can hold.
func FuzzConditions(f *testing.F) {
	for _, seed := range [][2]string{
		{"result[0] >= 0.95", "[0.97]"}, {"all(result, # > 1) && len(result) > 2", "[1,2,3]"}, {"result.a?.b == 'x'", `{"a":{"b":"x"}}`},
		{`let x = asFloat(result); x > 1 ? isNaN(x) : isInf(x)`, `"NaN"`}, {"reduce(1..9, #acc + #, 0) > result", "3"},
		{`result matches "a+" || any(result, {# in ["b"]})`, `"aaa"`}, {"default(result, 1..4) == [1]", "null"},
		{`duration("1h") > duration("1m") and date("2026-01-01") < date("2027-01-01")`, "1"}, {"sum(map(result, {.a})) > 1", `[{"a":1}]`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		c, err := condition.Decode(json.RawMessage(one(fmt.Sprintf(`"success": %s`, quoted(text)))))
		if err != nil {
			return
		}
		j, err := condition.New(c)
		if err != nil {
			t.Fatalf("%q was accepted before: %v", text, err)
		}
		began := time.Now()
		_, v := j.Look(j.Start(), judge.Look{T: 1, Readings: map[string]judge.Reading{"m": {Value: json.RawMessage(value)}}})
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%q on %q took %v", text, value, took)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("%q on %q: %+v: %v", text, value, v, err)
		}
	})
}

func quoted(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(data)
}
