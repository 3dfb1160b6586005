package main

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/loadtest"
	"serin.dev/serin/internal/plan"
)

func TestEveryReleaseIsDealt(t *testing.T) {
	good, all := 0, 0
	for _, deck := range deal(50, 5, rand.New(rand.NewPCG(1, 1))) {
		for _, card := range deck {
			all++
			if card {
				good++
			}
		}
	}
	if good != 50 || all != 100 {
		t.Errorf("%d releases are dealt, %d of them good; want 100 and 50", all, good)
	}
}

func TestTail(t *testing.T) {
	for _, c := range []struct {
		k, n    int
		p, want float64
	}{{0, 50, 0.01, 1}, {1, 50, 0.01, 0.395}, {2, 50, 0.01, 0.0894}, {4, 50, 0.01, 0.0016}} {
		if got := tail(c.k, c.n, c.p); math.Abs(got-c.want) > 0.0005 {
			t.Errorf("chance of %d or more of %d at %g: %g, want %g", c.k, c.n, c.p, got, c.want)
		}
	}
}

func TestTheReportTellsWrongFromRight(t *testing.T) {
	results := []result{
		{app: "a", good: true, phase: plan.Succeeded, took: 30 * time.Second, answers: loadtest.Tally{Requests: 900}},
		{app: "a", good: true, phase: plan.Returned, took: 9 * time.Second, why: "bad luck"},
		{app: "a", good: true, phase: plan.Returned, took: within + time.Second}, // aborted: undecided
		{app: "a", harm: "errors", phase: plan.Returned, took: 5 * time.Second, answers: loadtest.Tally{Requests: 20, ByBackend: 7}},
		{app: "a", harm: "errors", phase: plan.Succeeded, took: 40 * time.Second, answers: loadtest.Tally{Requests: 500, ByBackend: 3}},
	}
	var out strings.Builder
	if err := (&course{seed: 3}).print(&out, results, time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| a | good | 3 | 1 | 1 | 1 | 30 | 300 | 900 | 0.0 |", "| a | errors | 2 | 1 | 1 | 0 | 40 | 260 | 500 | 5.0 |",
		"| good versions rolled back | 1 % | 1 of 3", "| bad versions promoted | 5 % | 1 of 2", "bad luck",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if err := verdict(results[:1]); err != nil {
		t.Error(err)
	}
	if err := verdict(append(results, results[1], results[1])); err == nil {
		t.Error("three of five good versions rolled back, and the verdict is good")
	}
}
