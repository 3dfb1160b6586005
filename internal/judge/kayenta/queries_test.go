package kayenta

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

const asking = `{"kind":"kayenta","interval":"1m","lifetime":"10m","step":"15s","scopes":{"experiment":"{{ canaryRevision }}","location":"west"},
	"config":{"metrics":[
	  {"name":"errors","groups":["x"],"query":{"type":"prometheus","customInlineTemplate":"PromQL:sum(rate(errors{pod=~\"${scope}\",zone=\"${location}\"}[1m]))"}},
	  {"name":"cpu","groups":["x"],"query":{"type":"prometheus","metricName":"cpu","customFilterTemplate":"pods","groupByFields":["zone"]}}],
	"classifier":{"groupWeights":{}},"templates":{"pods":"pod=~\"${scope}\""}}}`

func TestAsks(t *testing.T) {
	got, err := Asks(json.RawMessage(asking))
	if err != nil || len(got) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if q := got[0]; q.Name != "errors" || q.Every != time.Minute || q.After != time.Minute || q.Window != 10*time.Minute || q.Source.Kind != "prometheus" {
		t.Errorf("got %+v", q)
	}
	for i, want := range []pairQuery{
		{`sum(rate(errors{pod=~"{{ stable }}",zone="west"}[1m]))`, `sum(rate(errors{pod=~"{{ canaryRevision }}",zone="west"}[1m]))`, plan.Duration(15 * time.Second)},
		{`avg(cpu{pod=~"{{ stable }}"}) by (zone)`, `avg(cpu{pod=~"{{ canaryRevision }}"}) by (zone)`, plan.Duration(15 * time.Second)},
	} {
		var asked struct{ Pair pairQuery }
		if err := json.Unmarshal(got[i].Source.With, &asked); err != nil || asked.Pair != want {
			t.Errorf("%s asks\n%+v, %v, want\n%+v", got[i].Name, asked.Pair, err, want)
		}
	}
}

func TestWhatCannotBeAsked(t *testing.T) {
	for _, c := range []struct{ reason, old, new, says string }{
		{"no query", `"query":{"type":"prometheus","metricName":"cpu","customFilterTemplate":"pods","groupByFields":["zone"]}`, `"scopeName":"s"`, "metrics[1].query: cpu: is missing"},
		{"another store", `"type":"prometheus","metricName"`, `"type":"datadog","metricName"`, `type "datadog": a release asks prometheus alone`},
		{"a template nobody has", `"customFilterTemplate":"pods"`, `"customFilterTemplate":"podz"`, "podz"},
		{"steps beyond the interval", `"step":"15s"`, `"step":"2m"`, "step"},
		{"an unknown scope", `"location"`, `"region"`, "region"},
	} {
		if _, err := Asks(json.RawMessage(strings.Replace(asking, c.old, c.new, 1))); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want an error with %q", c.reason, err, c.says)
		}
	}
}

// A store gives the series of both sides, and they are paired by their tags.
func TestReadingOfSeries(t *testing.T) {
	for _, c := range []struct {
		reason, reading string
		want            []string // tags and values
		says            string
	}{
		{"one series each", `{"control":[{"tags":{},"values":[1,2]}],"experiment":[{"tags":{},"values":["NaN",4]}],"stepMillis":1000}`, []string{`null [1,2] ["NaN",4]`}, ""},
		{"by tags", `{"control":[{"tags":{"z":"a"},"values":[1]},{"tags":{"z":"b"},"values":[2]}],"experiment":[{"tags":{"z":"b"},"values":[3]}],"stepMillis":1000}`,
			[]string{`{"z":"a"} [1] []`, `{"z":"b"} [2] [3]`}, ""},
		{"nothing on one side", `{"control":[{"tags":{},"values":[1]}],"experiment":[],"stepMillis":1000}`, []string{`null [1] []`}, ""},
		{"nothing at all", `{"control":[],"experiment":[],"stepMillis":1000}`, []string{`null [] []`}, ""},
		{"different tags", `{"control":[{"tags":{"z":"a"},"values":[1]}],"experiment":[{"tags":{"y":"a"},"values":[1]}],"stepMillis":1000}`, nil, "tags of the control"},
		{"the last two seconds", `{"control":[{"tags":{},"values":[1,2,3]}],"experiment":[{"tags":{},"values":[4,5,6]}],"stepMillis":1000}`, []string{`null [2,3] [5,6]`}, ""},
	} {
		pairs, err := readPairs("m", judge.Reading{Value: json.RawMessage(c.reading)}, 2)
		if (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", c.reason, err, c.says)
		}
		var got []string
		for _, p := range pairs {
			if len(p.Tags) == 0 {
				p.Tags = nil
			}
			var parts []string
			for _, part := range []any{p.Tags, p.Values.Control, p.Values.Experiment} {
				text, err := json.Marshal(part)
				if err != nil {
					t.Fatal(err)
				}
				parts = append(parts, string(text))
			}
			got = append(got, strings.Join(parts, " "))
		}
		if strings.Join(got, "; ") != strings.Join(c.want, "; ") {
			t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
		}
	}
}
