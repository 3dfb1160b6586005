package reconcile

import (
	"testing"
	"time"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/memory"
)

// The answer is that of comparing anew, whatever was asked before.
func TestComparison(t *testing.T) {
	can := compile.Abilities{Router: plan.Features{plan.Weights}, Workload: plan.Features{plan.Scaling}}
	at := plan.Origin{Object: "Canary shop"}
	draft := func(weights ...plan.Share) compile.Draft {
		d := compile.Draft{
			Name: "shop", Origin: at, StratAt: at, Strategy: compile.Weighted, Router: plan.Use{Kind: "proxy"}, RouterAt: at,
			Target: compile.Target{Kind: "Process", Name: "shop", Replicas: 2, Revision: "v2", Origin: at},
		}
		for _, w := range weights {
			d.Moves = append(d.Moves, compile.Move{Origin: at, Weight: &w, Hold: time.Minute})
		}
		return d
	}
	release := func(name string, stable plan.Revision, d compile.Draft) releases.Release {
		p, notes := compile.Compile(d, stable, can)
		if notes.Err() {
			t.Fatal(notes)
		}
		return releases.Release{Name: name, Target: "Process/shop", Plan: p}
	}
	first, second := release("shop-1", "v1", draft(10, 500)), release("shop-2", "v1", draft(250))
	broken := draft(10)
	broken.Moves[0].Matches = []plan.Match{{Headers: []plan.Condition{{Name: "X", How: plan.Exact, Value: "y"}}, Track: plan.Canary}}
	if _, notes := compile.Compile(broken, "v1", can); !notes.Err() {
		t.Fatal("the broken draft compiles")
	}
	moved := draft(10, 500)
	l := newLoop(memory.New())
	for _, c := range []struct {
		why    string
		draft  compile.Draft
		stable plan.Revision
		latest releases.Release
		want   bool
	}{
		{"its own draft", moved, "v1", first, false},
		{"the same again", moved, "v1", first, false},
		{"read anew", draft(10, 500), "v1", first, false},
		{"another weight", draft(10, 250), "v1", first, true},
		{"the old weight", draft(10, 500), "v1", first, false},
		{"a draft that is refused", broken, "v1", first, false},
		{"against another stable", draft(10, 500), "v0", first, true},
		{"against the old stable", draft(10, 500), "v1", first, false},
		{"another release", draft(10, 500), "v1", second, true},
		{"the draft of that", draft(250), "v1", second, false},
	} {
		if got := l.another(c.draft, can, c.stable, c.latest); got != c.want {
			t.Errorf("%s: another plan %t, want %t", c.why, got, c.want)
		}
	}
	l.forgetComparison(first.Target)
	if len(l.compared) != 0 {
		t.Error("the comparison with a release that is over is kept")
	}
}
