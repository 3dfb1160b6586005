package stream_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge/stream"
	"serin.dev/serin/internal/plan"
)

// Lines with answers to queries, both ways of writing them, and the verdicts of the judges that read them.
func TestReadingsOnLines(t *testing.T) {
	conditions := "kind: condition\nmetrics:\n- {name: rate, query: {prometheus: {query: up}}, success: 'result >= 0.95', interval: 10s, failureLimit: 1}\n"
	limits := "kind: threshold\ninterval: 10s\nmetrics:\n- {name: rate, range: {min: 0.95}}\nchecks: {failed: 2, passed: 2}\n"
	for _, c := range []struct {
		reason, settings string
		lines            []string
		want             []plan.Outcome
	}{
		{"values", conditions, []string{`"t":10,"values":{"rate":0.97}`, `"t":20,"values":{"rate":0.9}`, `"t":30,"values":{"rate":0.5}`},
			[]plan.Outcome{plan.Pass, plan.Hold, plan.Fail}},
		{"readings", conditions, []string{`"t":10,"readings":{"rate":{"value":0.97}}`, `"t":20,"readings":{"rate":{"error":"no route"}}`},
			[]plan.Outcome{plan.Pass, plan.Hold}},
		{"the long form counts", conditions, []string{`"t":10,"values":{"rate":0.1},"readings":{"rate":{"value":0.97}}`}, []plan.Outcome{plan.Pass}},
		{"more often than asked", conditions, []string{`"t":10,"values":{"rate":0.9}`, `"t":12,"values":{"rate":0.9}`, `"t":20,"values":{"rate":0.9}`},
			[]plan.Outcome{plan.Hold, plan.Hold, plan.Fail}},
		{"limits", limits, []string{`"t":10,"values":{"rate":0.97}`, `"t":20,"values":{"rate":0.9}`, `"t":30,"values":{"rate":0.9}`},
			[]plan.Outcome{plan.Hold, plan.Hold, plan.Fail}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			var out strings.Builder
			in := `{"release":"r",` + strings.Join(c.lines, "}\n"+`{"release":"r",`) + "}\n"
			if err := stream.Run(context.Background(), strings.NewReader(in), &out, []byte(c.settings)); err != nil {
				t.Fatal(err)
			}
			var got []plan.Outcome
			for line := range strings.Lines(out.String()) {
				var a stream.Answer
				if err := json.Unmarshal([]byte(line), &a); err != nil {
					t.Fatal(err)
				}
				got = append(got, a.Outcome)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("look %d: %s, want %s: %s", i, got[i], c.want[i], out.String())
				}
			}
		})
	}
}

func TestAReadingOfTheWrongFormIsRefused(t *testing.T) {
	var out strings.Builder
	err := stream.Run(context.Background(), strings.NewReader(`{"release":"r","t":1,"readings":{"a":0.97}}`+"\n"), &out,
		[]byte("kind: condition\nmetrics: [{name: a}]\n"))
	if err != nil || !strings.HasPrefix(out.String(), `{"error":"line 1: read look:`) {
		t.Errorf("got %v, %s", err, out.String())
	}
}
