package detect

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge/stream"
	"serin.dev/serin/internal/plan"
)

func makersOf(t *testing.T, names ...string) (some []Maker) {
	t.Helper()
	all, err := Makers(4)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		for _, name := range names {
			if m.Name == name {
				some = append(some, m)
			}
		}
	}
	if len(names) == 0 {
		return all
	}
	return some
}

func TestResultsDoNotDependOnWorkers(t *testing.T) {
	makers := makersOf(t)
	f := plain("unequal", 0.005, 0.02).with(func(f *Family) { f.CV, f.Gaps, f.Lost, f.For = 0.3, 0.1, 0.1, 600 })
	one := Run(&f, makers, 3, 0, 6, 1)
	two := Run(&f, makers, 3, 0, 6, 2)
	if !reflect.DeepEqual(one, two) {
		t.Error("two workers find something else than one")
	}
	if other := Run(&f, makers, 4, 0, 6, 2); reflect.DeepEqual(one, other) {
		t.Error("another seed finds the very same")
	}
}

// A sample of the promises that the bench measures in full.
func TestThePromisesHoldInASample(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED by -short: it plays releases; `make test` runs it")
	}
	own, best := makersOf(t, Own), makersOf(t, Oracle)
	for _, f := range Families() {
		if !f.Strict || f.Unseen {
			continue
		}
		mine := Summarise(Run(&f, own, 77, 0, 30, 2)[0])
		least := Summarise(Run(&f, best, 77, 0, 30, 2)[0])
		if times := mine.Blast / least.Blast; times > 3 { // 2.0 over 400 releases; of 30 the mean is rough
			t.Errorf("%s: %.0f bad requests, %.2f times the oracle's", f.Name, mine.Blast, times)
		}
	}
	f := plain("same", 0.005, 0.005)
	if s := Summarise(Run(&f, own, 77, 0, 40, 2)[0]); s.Rolled > 1 || s.Passed < 39 || s.PassAt > 200 {
		t.Errorf("of 40 good releases %d rolled back, %d passed, at %g s", s.Rolled, s.Passed, s.PassAt)
	}
}

// Where no rollback would be right, leave is taken away; where users move as they like, it stays.
func TestLeaveIsTakenAwayWhereTheCanaryLosesRequests(t *testing.T) {
	own := makersOf(t, Own)
	for _, f := range Families() {
		bad := f.Name == halfHangs
		if !bad && f.Stray == nil && f.Hidden == nil {
			continue
		}
		f.For = 1800
		s := Summarise(Run(&f, own, 5, 0, 6, 2)[0])
		if s.Rolled > 0 || s.Passed < 6 || bad && (s.Leave > 0 || s.TookAt > 900) || !bad && s.Leave < 6 {
			t.Errorf("%s: of 6 releases %d were rolled back, %d had leave, %d at the end; it was taken away at %g s", f.Name, s.Rolled, s.Passed, s.Leave, s.TookAt)
		}
	}
}

func TestTrafficIsWhatTheFamilySays(t *testing.T) {
	f := plain("bursts", 0.01, 0.01).with(func(f *Family) { f.Burst = 3 })
	stage := NewStage(&f, 1, 1)
	var n, x, squares, cells float64
	for k := range 2000 {
		for _, tally := range stage.Next(float64(5*k + 5)).Look.Tracks["stable"].Pods {
			n, x, cells = n+float64(tally.Requests), x+float64(tally.Failures), cells+1
			squares += float64(tally.Failures) * float64(tally.Failures)
		}
	}
	if rate := x / n; math.Abs(rate-0.01) > 0.0005 {
		t.Errorf("failure rate %g, want 0.01", rate)
	}
	mean := x / cells
	if dispersion := (squares/cells - mean*mean) / mean; math.Abs(dispersion-5) > 0.5 {
		t.Errorf("variance %.2f times the mean, want 5 for geometric bursts of mean 3", dispersion)
	}
}

func TestUsersStickToTheirTrack(t *testing.T) {
	f := plain("users", 0.01, 0.01).with(func(f *Family) { f.Users, f.Weight = 300, fixed(20) })
	stage, before, sum, moved := NewStage(&f, 1, 1), 0.0, 0.0, 0.0
	const looks = 20_000
	for k := range looks {
		now := stage.deal(f.routed(float64(5*k + 5)))
		sum, moved = sum+now/looks, math.Max(moved, math.Abs(now-before)*min(float64(k), 1))
		before = now
	}
	if math.Abs(sum-0.2) > 0.01 || moved == 0 || moved > 0.04 {
		t.Errorf("the canary has %.3f of the requests, want 0.2, and up to %.3f move from look to look", sum, moved)
	}
}

// What the looks tell must be possible in every family: the judge refuses the impossible, and so do we.
func TestLooksAreConsistent(t *testing.T) {
	for _, f := range Families() {
		stage := NewStage(&f, 7, 7)
		for at := f.Every; at <= 60*f.Every; at += f.Every {
			scene := stage.Next(at)
			for track, counts := range scene.Look.Tracks {
				for name, tally := range counts.Pods {
					bad := tally.Failures < 0 || tally.Failures > tally.Requests || len(tally.Buckets) != len(tally.Bounds)
					var n, x int64
					for _, kind := range tally.Strata {
						n, x = n+kind.Requests, x+kind.Failures
					}
					bad = bad || tally.Strata != nil && (n != tally.Requests || x > tally.Failures)
					for i, b := range tally.Buckets {
						bad = bad || b > tally.Requests || i > 0 && b < tally.Buckets[i-1]
					}
					if bad {
						t.Fatalf("%s at %g s: %s %s answers %+v", f.Name, at, track, name, tally)
					}
				}
			}
			if math.IsNaN(scene.Gain) || scene.Served < 0 || scene.Gain > 0 && f.Good && f.Drag == nil && f.Rates != nil && f.rise() == 1 {
				t.Fatalf("%s at %g s: served %g, gain %g", f.Name, at, scene.Served, scene.Gain)
			}
		}
	}
}

func TestDice(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for _, mean := range []float64{0.02, 0.9, 3, 11, 40, 400} {
		var u urn
		sum, squares, none := 0.0, 0.0, 0.0
		const draws = 200_000
		for i := range draws {
			if i%1000 == 0 {
				u.draw(mean+1, dice) // another mean in between throws the table away
			}
			k := float64(u.draw(mean, dice))
			sum, squares = sum+k, squares+k*k
			if k == 0 {
				none++
			}
		}
		m := sum / draws
		variance := squares/draws - m*m
		if math.Abs(m-mean) > 5*math.Sqrt(mean/draws) || math.Abs(variance/mean-1) > 0.03+0.02/mean || math.Abs(none/draws-math.Exp(-mean)) > 0.006 {
			t.Errorf("Poisson of mean %g: mean %g, variance %g, share of zeros %g", mean, m, variance, none/draws)
		}
	}
	var c coin
	sum := 0.0
	for range 100_000 {
		sum += float64(c.toss(30, 0.7, dice))
	}
	if math.Abs(sum/100_000-21) > 0.05 {
		t.Errorf("30 tosses at 0.7 come to %g on average", sum/100_000)
	}
}

// The limits that are compared are those of the house's judge of limits.
func TestLimitsAgreeWithTheThresholdJudge(t *testing.T) {
	j, err := stream.New("JUDGE.yaml", []byte("{kind: threshold, checks: {failed: 5, passed: 100000}, latency: {quantile: 99%, max: 1s}}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range goodLatency()[:3] {
		stage, own, state := NewStage(&f, 5, 5), limits(5)(&f), j.Start()
		for at := f.Every; at <= f.For; at += f.Every {
			scene := stage.Next(at)
			var v plan.Verdict
			state, v = j.Look(state, scene.Look)
			if got := own.See(scene); (got == plan.Fail) != (v.Outcome == plan.Fail) {
				t.Fatalf("%s at %g s: %s, the judge says %s: %s", f.Name, at, got, v.Outcome, v.Reason)
			}
		}
	}
}

func TestTuneFindsTheBoundary(t *testing.T) {
	if z := Tune(2000); z < 3.6 || z > 4.6 {
		t.Errorf("z tuned to %.2f; a one-sided test of 720 looks at 1 %% needs about 4", z)
	}
}

func TestWilson(t *testing.T) {
	if low, high := Wilson(0, 2000); low != 0 || math.Abs(high-0.0019) > 0.0001 {
		t.Errorf("0 of 2000: %g to %g", low, high)
	}
	if _, high := Wilson(11, 2000); math.Abs(high-0.0098) > 0.0002 {
		t.Errorf("11 of 2000: up to %g", high)
	}
}

func TestBound(t *testing.T) {
	for _, c := range []struct{ stable, canary, want float64 }{{0.005, 0.05, 65}, {0.005, 0.02, 359}, {0.01, 0.02, 1177}} {
		f := step("", c.stable, c.canary)
		if got := f.Bound(); math.Abs(got-c.want) > 1 {
			t.Errorf("from %g to %g: ln(1/α)/KL is %.1f, want %.0f", c.stable, c.canary, got, c.want)
		}
	}
}

func TestTablesNameEveryFamily(t *testing.T) {
	results := Results{Makers: makersOf(t)}
	for _, f := range Families() {
		if f.Name != "same, 0.1 %" && f.Name != "0.5 to 5 %" {
			continue
		}
		f.For = 300
		row := Row{Family: f, By: map[string]Summary{}}
		for i, fates := range Run(&f, results.Makers, 1, 0, 2, 1) {
			row.By[results.Makers[i].Name] = Summarise(fates)
		}
		results.Rows = append(results.Rows, row)
	}
	var out strings.Builder
	if err := results.Write(&out, "the command"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"`the command`", "| same, 0.1 % |", "| 0.5 to 5 % |", "| oracle |", "| not played | **no** |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
