package cli

import (
	"slices"
	"testing"
)

func TestWrap(t *testing.T) {
	cases := []struct {
		reason, in string
		cells      int
		want       []string
	}{
		{"fits", "one two", 7, []string{"one two"}},
		{"breaks at spaces", "one two three", 8, []string{"one two", "three"}},
		{"a long word is broken anywhere", "abcdefghij k", 4, []string{"abcd", "efgh", "ij k"}},
		{"wide characters take two cells", "日本語の 店", 6, []string{"日本語", "の 店"}},
		{"nothing is one empty line", "", 5, []string{""}},
		{"many spaces are one", "a    b", 5, []string{"a b"}},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			var got []string
			for _, line := range say(plain, c.in).wrap(c.cells) {
				got = append(got, line.paint(Style{}))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestClip(t *testing.T) {
	cases := []struct {
		reason, in string
		cells      int
		want       string
	}{
		{"fits", "four", 4, "four"},
		{"what is cut leaves a sign", "fives", 4, "fiv…"},
		{"half a wide character is none", "日本", 3, "日…"},
		{"a flag is one character", "🇸🇪🇳🇴🇩🇰", 5, "🇸🇪🇳🇴…"},
		{"an accent stays with its letter", "e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	}
	for _, c := range cases {
		if got := say(plain, c.in).clip(c.cells, "…").paint(Style{}); got != c.want {
			t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
		}
	}
}

func TestTableDropsTheLeastImportantColumns(t *testing.T) {
	columns := []column{{title: "A"}, {title: "BBBB", rank: 2}, {title: "CC", rank: 1, right: true}, {title: "EMPTY", rank: 9}, {title: "TEXT", rank: 3, flows: true}}
	rows := [][]text{{say(plain, "a"), say(plain, "b"), say(plain, "1"), {}, say(plain, "many words that flow on and on")}}
	cases := []struct {
		reason string
		cells  int
		want   string
	}{
		{"all fit; the empty one is never shown", 60, "a  b      1  many words that flow on and on"},
		{"what flows is clipped", 34, "a  b      1  many words that flow…"},
		{"then it goes", 32, "a  b      1"},
		{"then the next", 8, "a   1"},
		{"the most important stays", 1, "a"},
	}
	for _, c := range cases {
		got := table(columns, rows, c.cells, "…")[1].paint(Style{})
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
		}
	}
}
