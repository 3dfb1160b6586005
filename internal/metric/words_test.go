package metric_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/metric"
)

func TestWords(t *testing.T) {
	words := metric.Words{"target": "shop", "canary": "a|b", "interval": metric.Interval(time.Minute), "namespace": ""}
	for _, c := range []struct{ text, want, refused string }{
		{text: `rate(x{pod=~"{{ canary }}"}[{{interval}}])`, want: `rate(x{pod=~"a|b"}[1m])`},
		{text: "nothing to fill", want: "nothing to fill"},
		{text: "{{ namespace }}", want: ""}, // there is none on a machine
		{text: `{"a":{"b":1}}`, want: `{"a":{"b":1}}`},
		{text: "{{ stableService }}", refused: "{{ stableService }} stands for nothing at present"},
		{text: "{{ cannary }}", refused: "{{ cannary }} stands for nothing; there is target, namespace"},
		{text: "{{ target | upper }}", refused: "is no word"},
		{text: `{{ range }}{{ . }}`, refused: "{{ range }} stands for nothing"},
		{text: strings.Repeat("a", 20_000), refused: "at most 16384 are read"},
	} {
		got, err := words.Fill(c.text, nil)
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) || metric.Check(c.text) == nil && !strings.Contains(c.refused, "present") {
				t.Errorf("fill %.40q: %q, %v, want %q", c.text, got, err, c.refused)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("fill %q: %q, %v, want %q", c.text, got, err, c.want)
		}
	}
	if got, err := words.Fill("http://x/?pods={{ canary }}", url.QueryEscape); err != nil || got != "http://x/?pods=a%7Cb" {
		t.Errorf("escaped: %q, %v", got, err)
	}
	words["canary"] = strings.Repeat("pod|", 10_000)
	if _, err := words.Fill(strings.Repeat("{{ canary }}", 9), nil); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
		t.Errorf("a text that grows without end: %v", err)
	}
}
