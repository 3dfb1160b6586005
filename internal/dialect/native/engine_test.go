package native_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/plan"
)

// An ideal world does at once what it is ordered: every replica is ready, every route acknowledged.
type ideal struct {
	pools map[plan.PoolName]plan.Pool
	route plan.Route
	full  int
}

// before is the world in which stable runs and nothing else.
func before(p plan.Plan, full int) *ideal {
	stable := p.Steps[0].Desired.Tracks[0]
	w := &ideal{full: full}
	w.obey(engine.Orders{
		Pools:   []engine.PoolOrder{{Pool: stable.Pool, Revision: stable.Revision, Replicas: full}},
		Traffic: p.Steps[0].Desired.Traffic,
		Behind:  map[plan.TrackName]plan.PoolName{plan.Stable: stable.Pool},
	})
	return w
}

func (w *ideal) obey(o engine.Orders) {
	w.route = plan.Route{Traffic: o.Traffic, Pools: o.Behind}
	w.pools = map[plan.PoolName]plan.Pool{}
	for _, p := range o.Pools {
		if n := p.Replicas; n > 0 {
			w.pools[p.Pool] = plan.Pool{Name: p.Pool, Revision: p.Revision, Wanted: n, Ready: n, Updated: n, Running: n}
		}
	}
}

func (w *ideal) see(now time.Time, acts []plan.Act, verdict plan.Outcome) engine.Sight {
	s := engine.Sight{Now: now, Full: w.full, Route: w.route, Acts: acts, Verdicts: map[string]plan.Verdict{"sequential": {Outcome: verdict}}}
	for _, p := range w.pools {
		s.Pools = append(s.Pools, p)
	}
	return s
}

// run lets the engine carry the plan out; people approve all they are asked. From step fail on the judge says fail.
func (w *ideal) run(p plan.Plan, fail int) plan.Position {
	var at plan.Position
	var acts []plan.Act
	now := noon
	for range 5000 {
		verdict := plan.Pass
		if fail > 0 && at.Step >= fail {
			verdict = plan.Fail
		}
		if at.Waiting != nil && at.Waiting.For == "approval" {
			step := at.Step
			acts = append(acts, plan.Act{Verb: plan.Approve, Actor: "ana", At: now, Step: &step})
		}
		d := engine.Decide(p, at, w.see(now, acts, verdict))
		w.obey(d.Do)
		if at = d.Next; at.Phase.Over() {
			return at
		}
		now = now.Add(min(max(d.Wait, 100*time.Millisecond), time.Minute))
	}
	return at
}

// Every example is carried out by the engine itself: to promotion when all goes well, and back to stable from each step that
// is judged and can go back; both for targets that promote by name and for those that replace.
func TestExamplesReachTheirEnd(t *testing.T) {
	files, _ := filepath.Glob("../../../examples/*.yaml")
	returned := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		k := known()
		drafts, _ := native.Read(file, data, k)
		renaming := k.Abilities(drafts[0])
		replacing := compile.Abilities{Router: renaming.Router, Workload: slices.DeleteFunc(slices.Clone(renaming.Workload), func(f plan.Feature) bool { return f == plan.Renaming })}
		for _, can := range []compile.Abilities{renaming, replacing} {
			p, notes := compile.Compile(drafts[0], "v1", can)
			if notes.Err() {
				t.Fatal(notes)
			}
			full := drafts[0].Target.Replicas
			w := before(p, full)
			if end := w.run(p, 0); end.Phase != plan.Succeeded {
				t.Errorf("%s: ended %s at step %d, waiting for %+v", file, end.Phase, end.Step, end.Waiting)
			}
			w.alone(t, file, p.Canary)
			for _, a := range p.Analyses {
				for step := a.From; step <= a.To && p.Reversible(step); step++ {
					w := before(p, full)
					if end := w.run(p, step); end.Phase != plan.Returned {
						t.Errorf("%s: failed at step %d and ended %s at step %d", file, step, end.Phase, end.Step)
					}
					w.alone(t, file, p.Stable)
					returned++
				}
			}
		}
	}
	if returned < 20 {
		t.Errorf("only %d releases went back", returned)
	}
}

// alone checks that one revision is left, with everything.
func (w *ideal) alone(t *testing.T, file string, revision plan.Revision) {
	t.Helper()
	if len(w.pools) != 1 || w.route.Traffic.Shares[plan.Stable] != plan.Whole {
		t.Errorf("%s: %v is left with %v", file, w.pools, w.route.Traffic.Shares)
	}
	for _, p := range w.pools {
		if p.Revision != revision || p.Ready != w.full {
			t.Errorf("%s: %+v is left, want %d of %s", file, p, w.full, revision)
		}
	}
}
