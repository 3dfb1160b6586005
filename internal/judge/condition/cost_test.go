package condition_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

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
