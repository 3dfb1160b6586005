package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rivo/uniseg"

	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/progress/scenes"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s differs; run with -update and review the diff. Got:\n%s", file, got)
	}
}

func TestBlockOfEveryScene(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		var b strings.Builder
		for _, s := range scenes.All() {
			fmt.Fprintf(&b, "=== %s\n%s\n", s.Name, Block(progress.Of(s.Facts), Style{}, width, width == 120))
		}
		golden(t, fmt.Sprintf("testdata/block-%d.txt", width), b.String())
	}
}

func TestNoLineIsWiderThanThePage(t *testing.T) {
	for _, s := range scenes.All() {
		for width := leastWidth; width < 130; width++ {
			for _, style := range []Style{{}, {ASCII: true}} {
				for _, line := range strings.Split(Block(progress.Of(s.Facts), style, width, true), "\n") {
					if n := uniseg.StringWidth(line); n > width {
						t.Fatalf("%s at width %d: a line of %d cells: %q", s.Name, width, n, line)
					}
				}
			}
		}
	}
}

func TestTables(t *testing.T) {
	all := []progress.Release{progress.Of(scenes.Holding()), progress.Of(scenes.Trouble()), progress.Of(scenes.First()), progress.Of(scenes.RolledBack()), progress.Of(scenes.Approval())}
	for i, name := range []string{"checkout", "cart", "a-service-with-a-long-name", "日本語の店", "mail"} {
		all[i].Canary = name
	}
	var b strings.Builder
	for _, width := range []int{40, 80, 120} {
		fmt.Fprintf(&b, "=== list, %d\n%s\n=== history, %d\n%s\n", width, Table(all, Style{}, width, false), width, History(all[0], Style{}, width))
	}
	fmt.Fprintf(&b, "=== list, wide, 160\n%s", Table(all, Style{}, 160, true))
	golden(t, "testdata/tables.txt", b.String())
}

func TestExplainEveryScene(t *testing.T) {
	var b strings.Builder
	for _, s := range scenes.All() {
		page, err := Explain(progress.Of(s.Facts), "", Style{}, 90)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "=== %s\n%s\n", s.Name, page)
	}
	golden(t, "testdata/explain.txt", b.String())
}

func TestExplainOneMetric(t *testing.T) {
	page, err := Explain(progress.Of(scenes.Holding()), "latency", Style{}, 90)
	if err != nil || strings.Contains(page, "failures") || !strings.Contains(page, "latency") {
		t.Errorf("want latency alone, got %v\n%s", err, page)
	}
	_, err = Explain(progress.Of(scenes.Holding()), "latencies", Style{}, 90)
	if err == nil || !strings.Contains(err.Error(), "failures, latency and availability") {
		t.Errorf("an unknown metric is answered with those there are: %v", err)
	}
}

func TestASCIIHasNothingElse(t *testing.T) {
	for _, s := range scenes.All() {
		page := Block(progress.Of(s.Facts), Style{ASCII: true}, 80, true)
		for _, r := range page {
			if r > 126 {
				t.Fatalf("%s: %q in\n%s", s.Name, r, page)
			}
		}
	}
	golden(t, "testdata/block-ascii.txt", Block(progress.Of(scenes.RollingBack()), Style{ASCII: true}, 80, false))
}

func TestColourSaysNothingThatWordsDoNot(t *testing.T) {
	for _, s := range scenes.All() {
		coloured := Block(progress.Of(s.Facts), Style{Colour: true}, 80, true)
		if !strings.Contains(coloured, "\x1b[") {
			t.Errorf("%s: no colour at all", s.Name)
		}
		if got, want := uncoloured(coloured), Block(progress.Of(s.Facts), Style{}, 80, true); got != want {
			t.Errorf("%s: words differ with colour:\n%s\n%s", s.Name, got, want)
		}
	}
}

// uncoloured drops escape sequences for colour.
func uncoloured(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, s, _ = strings.Cut(after, "m")
	}
}

func TestStyleFollowsTheEnvironment(t *testing.T) {
	cases := []struct {
		reason string
		env    map[string]string
		tty    bool
		want   Style
	}{
		{"a terminal has colour", nil, true, Style{Colour: true}},
		{"a file has none", nil, false, Style{}},
		{"NO_COLOR is respected, whatever its value", map[string]string{"NO_COLOR": "0"}, true, Style{}},
		{"an empty NO_COLOR does not count", map[string]string{"NO_COLOR": ""}, true, Style{Colour: true}},
		{"a dumb terminal knows no sequences", map[string]string{"TERM": "dumb"}, true, Style{}},
		{"a C locale knows no glyphs", map[string]string{"LANG": "C"}, true, Style{Colour: true, ASCII: true}},
		{"LC_ALL wins over LANG", map[string]string{"LC_ALL": "de_DE.UTF-8", "LANG": "C"}, false, Style{}},
	}
	for _, c := range cases {
		if got := StyleFor(func(name string) string { return c.env[name] }, c.tty); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.reason, got, c.want)
		}
	}
}

func TestWordsOfOthersCannotMoveTheCursor(t *testing.T) {
	f := scenes.Growing()
	f.Pools[1].Trouble = "exit 1: \x1b[2J\x1b[H\rall is well\u202e\n\x07"
	page := Block(progress.Of(f), Style{}, 80, false)
	if strings.ContainsAny(page, "\x1b\r\x07\u202e") || !strings.Contains(page, "exit 1:") {
		t.Errorf("control characters got through: %q", page)
	}
}
