package setting_test

import (
	"strings"
	"testing"

	"serin.dev/serin/internal/judge/setting"
)

func TestMistakesAreReportedAtTheirPlace(t *testing.T) {
	for _, c := range []struct{ reason, text, want string }{
		{"a percentage without its sign is ambiguous", "p: 1", `judge.yaml:1:4: p: "1" is not a percentage; write for instance 0.5%`},
		{"a percentage has an end", "p: 101%", "judge.yaml:1:4: p: 101% is not between 0% and 100%"},
		{"a ratio below one tolerates nobody", "a:\n  r: 0.9x", "judge.yaml:2:6: a.r: 0.9x is below 1x"},
		{"not a number", "a: {r: NaNx}", "judge.yaml:1:8: a.r: \"NaNx\" is not a ratio"},
		{"unknown fields are typing errors", "a: {q: 1}", "judge.yaml:1:5: a.q: unknown field"},
		{"a field given twice has no meaning", "d: 1s\nd: 2s", "judge.yaml:2:1: d: given twice"},
		{"a duration needs its unit", "d: 500", `judge.yaml:1:4: d: "500" is not a duration`},
		{"a mapping is asked for", "a: 3", "judge.yaml:1:4: a: must be a mapping"},
		{"a value is asked for", "d: [1]", "judge.yaml:1:4: d: must be a single value"},
		{"counts have limits", "n: 0", `judge.yaml:1:4: n: "0" is not a whole number between 1 and 9`},
	} {
		t.Run(c.reason, func(t *testing.T) {
			err := read(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("read %q: got %v, want %s", c.text, err, c.want)
			}
		})
	}
}

func TestUnitsAreReadFromYAMLAndJSON(t *testing.T) {
	for _, text := range []string{"p: 0.02%\na: {r: 1.1x}\nd: 500ms", `{"p":"0.02%","a":{"r":1.1},"d":"500ms"}`} {
		if err := read(t, text); err != nil {
			t.Errorf("read %q: %v", text, err)
		}
	}
}

func read(t *testing.T, text string) error {
	t.Helper()
	o, err := setting.Parse("judge.yaml", []byte(text))
	if err != nil {
		return err
	}
	p, r, d, n := 0.0002, 1.1, 0.5, 1
	o.Percent("p", &p)
	o.Duration("d", &d)
	o.Count("n", &n, 1, 9)
	a := o.Object("a")
	a.Ratio("r", &r)
	a.Done()
	if err := o.Done(); err != nil {
		return err
	}
	if p != 0.0002 || r != 1.1 || d != 0.5 {
		t.Errorf("read %q as %v %v %v", text, p, r, d)
	}
	return nil
}
