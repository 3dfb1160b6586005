package progress_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/progress/scenes"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestWords holds every scene to what it says in words: one golden page of headlines, rules, rails and outlooks.
func TestWords(t *testing.T) {
	var b strings.Builder
	for _, s := range scenes.All() {
		r := progress.Of(s.Facts)
		fmt.Fprintf(&b, "%s\n  headline  %s\n  doing     %s\n  rule      %s: %s\n  rail      %s\n", s.Name, r.Headline, r.Doing, r.Rule.Name, r.Rule.Text, railOf(r))
		if w := r.Waiting; w != nil {
			fmt.Fprintf(&b, "  waiting   %s; ends by %q; at %s\n", w.For, w.EndBy, w.Place)
		}
		if r.Outlook != nil {
			fmt.Fprintf(&b, "  outlook   %s plus %q\n", r.Outlook.Earliest.Format(time.TimeOnly), r.Outlook.Plus)
		}
	}
	golden(t, "testdata/words.txt", []byte(b.String()))
}

func railOf(r progress.Release) string {
	var parts []string
	for _, s := range r.Rail {
		parts = append(parts, fmt.Sprintf("%s=%s", s.Name, s.State))
	}
	return strings.Join(parts, ", ")
}

// TestFormat pins the public JSON: a change of these files is a change of the format.
func TestFormat(t *testing.T) {
	for _, s := range scenes.All() {
		if s.Name != "approval" && s.Name != "rolling-back" {
			continue
		}
		data, err := json.MarshalIndent(progress.Of(s.Facts), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/"+s.Name+".json", append(data, '\n'))
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs; run with -update and review the diff. Got:\n%s", file, got)
	}
}

func TestNumbersBeyondJSONAreToldAsFinite(t *testing.T) {
	f := scenes.Holding()
	f.Verdicts = map[string]plan.Verdict{"judge": {Outcome: plan.Hold, Evidence: math.Inf(1), Metrics: []plan.Finding{
		{Name: "failures", Effect: math.NaN(), Low: math.Inf(-1), High: math.Inf(1)},
	}}}
	data, err := json.Marshal(progress.Of(f))
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	var back progress.Release
	if err := json.Unmarshal(data, &back); err != nil || back.Analyses[0].Metrics[0].Known() {
		t.Fatalf("an effect without bounds is not known: %v, %+v", err, back.Analyses)
	}
}

func TestSameForgivesOnlyThePassingOfTime(t *testing.T) {
	cases := []struct {
		reason string
		change func(*progress.Facts)
		same   bool
	}{
		{"a second later nothing has happened", func(f *progress.Facts) { f.Now = f.Now.Add(time.Second) }, true},
		{"the hour of the sentence is rounded anew", func(f *progress.Facts) { f.Now = f.Now.Add(20 * time.Minute) }, true},
		{"a replica is gone", func(f *progress.Facts) { f.Pools[1].Ready-- }, false},
		{"a look came", func(f *progress.Facts) { f.Verdicts["judge"].Metrics[0].N[plan.Canary]++ }, false},
		{"somebody acted", func(f *progress.Facts) { f.Acts = append(f.Acts, plan.Act{Verb: plan.Pause}) }, false},
		{"trouble", func(f *progress.Facts) { f.Trouble = "no route" }, false},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			f := scenes.Proving()
			before := progress.Of(f)
			c.change(&f)
			if got := progress.Same(before, progress.Of(f)); got != c.same {
				t.Errorf("same = %v, want %v", got, c.same)
			}
		})
	}
}

func TestClockTellsNoMoreThanNeeded(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 5, 0, 0, time.UTC)
	cases := []struct {
		reason string
		at     time.Time
		want   string
	}{
		{"seconds matter soon", now.Add(90 * time.Second), "00:06:30"},
		{"across midnight as well", now.Add(-9 * time.Minute), "23:56:00"},
		{"later today", now.Add(4 * time.Hour), "04:05"},
		{"another day", now.Add(-2 * time.Hour), "Nov 20 22:05"},
		{"another year", now.AddDate(-1, 0, 0), "2025-11-21 00:05"},
		{"in the reader's zone", now.Add(time.Hour).In(time.FixedZone("east", 7200)), "01:05"},
	}
	for _, c := range cases {
		if got := progress.Clock(c.at, now); got != c.want {
			t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
		}
	}
}

func TestNumbersAreShort(t *testing.T) {
	cases := []struct{ got, want string }{
		{progress.Count(860), "860"}, {progress.Count(4096), "4.1k"}, {progress.Count(91230), "91k"}, {progress.Count(999400), "999k"}, {progress.Count(999600), "1M"}, {progress.Count(2310000), "2.3M"},
		{progress.Number(2.1), "2.1"}, {progress.Number(1.0321), "1.03"}, {progress.Number(112.4), "112"}, {progress.Number(0), "0"}, {progress.Number(-0.01234), "-0.0123"},
		{progress.Amount(0.00412, "ratio"), "0.412%"}, {progress.Amount(0.2117, "seconds"), "212ms"}, {progress.Amount(1.5, "seconds"), "1.5s"}, {progress.Amount(3, ""), "3"},
		{progress.Brief(90 * time.Minute), "1h30m"}, {progress.Brief(10 * time.Minute), "10m"}, {progress.Brief(2 * time.Hour), "2h"}, {progress.Brief(1234 * time.Millisecond), "1s"}, {progress.Brief(0), "0s"}, {progress.Brief(-time.Minute), "-1m"},
		{progress.Percent(12.54), "12.5%"}, {progress.Percent(80), "80%"},
	}
	for _, c := range cases {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
