package sequential_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/detect"
	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/plan"
)

// defaults is the judge of an empty block.
func defaults(t testing.TB) *sequential.Judge {
	t.Helper()
	j, err := sequential.New(sequential.Default())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// family finds one of the benchmark's families.
func family(t testing.TB, name string) detect.Family {
	t.Helper()
	for _, f := range detect.Families() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no family %q", name)
	return detect.Family{}
}

// looks makes the first so many looks of a release, after its history.
func looks(f detect.Family, n uint64, k int) []judge.Look {
	var all []judge.Look
	keep := func(l judge.Look) bool {
		all = append(all, kept(l))
		return true
	}
	stage := detect.NewStage(&f, 5, n)
	stage.Past(keep)
	for i := range k {
		keep(stage.Next(float64(i+1) * f.Every).Look)
	}
	return all
}

// kept is a look of its own: a stage uses its maps again.
func kept(l judge.Look) judge.Look {
	tracks := map[plan.TrackName]judge.Counts{}
	for name, counts := range l.Tracks {
		pods := maps.Clone(counts.Pods)
		for pod, tally := range pods {
			tally.Buckets, tally.Gauges = slices.Clone(tally.Buckets), maps.Clone(tally.Gauges)
			tally.Sums, tally.Strata = maps.Clone(tally.Sums), maps.Clone(tally.Strata)
			pods[pod] = tally
		}
		tracks[name] = judge.Counts{Pods: pods}
	}
	l.Tracks = tracks
	return l
}

func TestFamiliesEndAsTheyShould(t *testing.T) {
	for _, c := range []struct {
		reason, family string
		within         int // looks
		want           plan.Outcome
	}{
		{"an equal release is cleared", "same, 0.5 %", 200, plan.Pass},
		{"equal latency is cleared with classic buckets", "same latency", 240, plan.Pass},
		{"total failure is seen at once", "0.1 to 100 %, 10 rps", 3, plan.Fail},
		{"ten times the failures", "0.5 to 5 %", 30, plan.Fail},
		{"failures inside a 99 % objective", "0.1 to 0.5 %", 700, plan.Fail},
		{"only the tail is slower", "tail only: 3 % of requests +1 s", 200, plan.Fail},
		{"a cold canary is not failed for it", "cold pods: thrice as slow, halved each 7 s", 300, plan.Pass},
		{"neither is one that is slow for its first looks", "twice as slow for 20 s, then the same", 400, plan.Pass},
		{"a canary that hangs", "hangs: answers nothing", 130, plan.Fail},
		{"everything is slower", "all 25 % slower", 500, plan.Fail},
		{"replaced pods do not blind", "0.5 to 2 %, pods replaced", 300, plan.Fail},
		{"bursts slow the judge down, and no more", "0.5 to 2 %, bursts of 3", 600, plan.Fail},
	} {
		t.Run(c.reason, func(t *testing.T) {
			j := defaults(t)
			s := j.Start()
			for i, l := range looks(family(t, c.family), 1, c.within) {
				var v plan.Verdict
				s, v = j.Look(s, l)
				if v.Outcome == c.want {
					return
				}
				if v.Outcome == plan.Fail || v.Outcome == plan.Pass {
					t.Fatalf("look %d: %s, want %s: %s", i, v.Outcome, c.want, v.Reason)
				}
			}
			t.Errorf("no %s within %d looks", c.want, c.within)
		})
	}
}

// One release of every kind is judged twice, once from a checkpoint taken and restored before every look.
func TestARestoredStateJudgesBitForBitAlike(t *testing.T) {
	for _, name := range []string{"same, 0.5 %, gaps and resets", "0.5 to 2 %, bursts of 3", "same latency, no history", "same, 0.5 %, pods replaced", "same, drift in a continuous ramp",
		"hangs: answers nothing", "canary gets thrice the share of a failing route", "crash loop: each pod once a minute", "one bad pod of five (20 %)"} {
		t.Run(name, func(t *testing.T) {
			j := defaults(t)
			one, other := j.Start(), j.Start()
			for i, l := range looks(family(t, name), 2, 150) {
				data, err := other.Checkpoint()
				if err != nil {
					t.Fatal(err)
				}
				if other, err = j.Restore(data); err != nil {
					t.Fatal(err)
				}
				var a, b plan.Verdict
				one, a = j.Look(one, l)
				other, b = j.Look(other, l)
				if print(t, a) != print(t, b) {
					t.Fatalf("look %d: %s\nrestored: %s", i, print(t, a), print(t, b))
				}
			}
		})
	}
}

func TestRestoreRefusesOtherSettings(t *testing.T) {
	j := defaults(t)
	data, err := j.Start().Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	c := sequential.Default()
	c.FalseRollback = 0.02
	stricter, err := sequential.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stricter.Restore(data); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("restore under another budget: %v", err)
	}
	if _, err := j.Restore([]byte(`{"settings":`)); err == nil {
		t.Error("restore of half a checkpoint succeeded")
	}
}

func TestReleasesOfOneJudgeDoNotInfluenceEachOther(t *testing.T) {
	j := defaults(t)
	alone := verdicts(t, j, looks(family(t, "0.5 to 5 %"), 3, 40))
	s, disturbing := j.Start(), j.Start()
	for i, l := range looks(family(t, "0.5 to 5 %"), 3, 40) {
		var v plan.Verdict
		disturbing, _ = j.Look(disturbing, looks(family(t, "same latency"), 4, 1)[0])
		s, v = j.Look(s, l)
		if got := print(t, v); got != alone[i] {
			t.Fatalf("look %d: %s, alone %s", i, got, alone[i])
		}
	}
}

func TestHistoryNeverDecides(t *testing.T) {
	j := defaults(t)
	s := j.Start()
	for i := range 50 {
		var v plan.Verdict
		s, v = j.Look(s, pair(float64(i-50), 0, 1000, 500, 0, 0))
		if v.Outcome != plan.Insufficient {
			t.Fatalf("history look %d: %s", i, v.Outcome)
		}
	}
}

func TestIgnoranceHasItsOwnNames(t *testing.T) {
	gap := judge.Look{Weight: 10, Gap: true}
	lone := judge.Look{Weight: 10, Tracks: map[plan.TrackName]judge.Counts{plan.Stable: pods("a", 100, 1)}}
	for _, c := range []struct {
		reason string
		looks  []judge.Look
		want   plan.Outcome
	}{
		{"no traffic at all", []judge.Look{pair(0, 10, 0, 0, 0, 0), pair(0, 10, 0, 0, 0, 0)}, plan.Insufficient},
		{"no traffic on the canary", []judge.Look{pair(0, 10, 500, 2, 0, 0)}, plan.Insufficient},
		{"a handful of requests", []judge.Look{pair(0, 10, 500, 2, 3, 0)}, plan.Insufficient},
		{"one gap", []judge.Look{pair(0, 10, 500, 2, 50, 0), gap}, plan.Hold},
		{"gaps in a row", []judge.Look{pair(0, 10, 500, 2, 50, 0), gap, gap, gap}, plan.Unavailable},
		{"the canary is not scraped", []judge.Look{lone, lone, lone}, plan.Unavailable},
		{"gaps, then data", []judge.Look{gap, gap, gap, pair(0, 10, 500, 2, 50, 0)}, plan.Hold},
		{"traffic stopped long ago", append([]judge.Look{pair(0, 10, 500, 2, 50, 0)}, idle(30)...), plan.Insufficient},
		{"good and clear", many(40, pair(0, 10, 500, 2, 60, 0)), plan.Pass},
		{"good and clear, then nothing is scraped", append(many(40, pair(0, 10, 500, 2, 60, 0)), gap), plan.Hold},
		{"everything fails", []judge.Look{pair(0, 10, 500, 2, 50, 50)}, plan.Fail},
		{"after a fail it stays one", append([]judge.Look{pair(0, 10, 500, 2, 50, 50)}, many(50, pair(0, 10, 500, 2, 50, 0))...), plan.Fail},
		{"stable fails just as much", many(30, pair(0, 10, 500, 250, 50, 25)), plan.Pass},
	} {
		t.Run(c.reason, func(t *testing.T) {
			j := defaults(t)
			s := j.Start()
			var v plan.Verdict
			for i, l := range c.looks {
				l.T = float64(5 * (i + 1))
				s, v = j.Look(s, l)
			}
			if v.Outcome != c.want {
				t.Errorf("%s: %s, want %s", v.Reason, v.Outcome, c.want)
			}
		})
	}
}

func TestLooksThatCannotBeBelievedAreMissedScrapes(t *testing.T) {
	bucketed := func(requests int64, bounds []float64, buckets []int64) judge.Look {
		l := pair(0, 10, 500, 2, 0, 0)
		l.Tracks[plan.Canary] = judge.Counts{Pods: map[string]judge.Tally{"c": {Requests: requests, Bounds: bounds, Buckets: buckets}}}
		return l
	}
	also := func(change func(*judge.Tally)) judge.Look {
		l, tally := pair(0, 10, 500, 2, 0, 0), judge.Tally{Requests: 50}
		change(&tally)
		l.Tracks[plan.Canary] = judge.Counts{Pods: map[string]judge.Tally{"c": tally}}
		return l
	}
	for _, c := range []struct {
		reason string
		look   judge.Look
	}{
		{"-1 restarts cannot be", also(func(t *judge.Tally) { t.Restarts = -1 })},
		{"memory: its level is not a number", also(func(t *judge.Tally) { t.Gauges = map[string]float64{"memory": math.Inf(1)} })},
		{"orders: a total of NaN over 5 cannot be", also(func(t *judge.Tally) { t.Sums = map[string]judge.Sum{"orders": {N: 5, Total: math.NaN()}} })},
		{"a total of 1 over -5 cannot be", also(func(t *judge.Tally) { t.Sums = map[string]judge.Sum{"orders": {N: -5, Total: 1}} })},
		{"GET /: 3 failures of 2 requests cannot be", also(func(t *judge.Tally) { t.Strata = map[string]judge.Tally{"GET /": {Requests: 2, Failures: 3}} })},
		{"negative counts", pair(0, 10, 500, -2, 50, 0)},
		{"4 failures exceed 3 requests", pair(0, 10, 500, 2, 3, 4)},
		{"more than can be believed", pair(0, 10, 1<<60, 2, 50, 0)},
		{"weight 101", pair(0, 101, 500, 2, 50, 0)},
		{"weight NaN", pair(0, math.NaN(), 500, 2, 50, 0)},
		{"fewer than the one before", bucketed(9, []float64{1, 2}, []int64{5, 4})},
		{"holds 10 of 9 requests", bucketed(9, []float64{1, 2}, []int64{5, 10})},
		{"do not ascend", bucketed(9, []float64{2, 1}, []int64{5, 6})},
		{"1 buckets for 2 bounds", bucketed(9, []float64{1, 2}, []int64{5})},
	} {
		t.Run(c.reason, func(t *testing.T) {
			j := defaults(t)
			s, _ := j.Look(j.Start(), at(5, pair(0, 10, 500, 2, 50, 0)))
			before, _ := s.Checkpoint()
			s, v := j.Look(s, at(10, c.look))
			if v.Outcome != plan.Hold || !strings.Contains(v.Reason, c.reason) {
				t.Errorf("%s: %s", v.Outcome, v.Reason)
			}
			after, _ := s.Checkpoint()
			if strings.Replace(string(after), `"missed":1`, `"missed":0`, 1) != string(before) {
				t.Error("it has changed more than the count of missed looks")
			}
			for _, k := range []float64{5, 4} { // time stands still, then runs backwards
				s, v = j.Look(s, at(k, pair(0, 10, 500, 2, 50, 50)))
			}
			if v.Outcome != plan.Unavailable {
				t.Errorf("after three in a row: %s: %s", v.Outcome, v.Reason)
			}
		})
	}
}

func TestVerdictsAreFiniteNumbers(t *testing.T) {
	j := defaults(t)
	s := j.Start()
	for i, l := range []judge.Look{
		pair(0, 10, 0, 0, 1, 1), pair(0, 100, 1<<50, 1<<50, 1<<50, 0), pair(0, 0, 1, 1, 1<<50, 1<<50),
		pair(0, 50, 1<<50, 0, 1<<50, 1<<50), pair(0, 50, 1, 0, 1, 0), pair(0, 50, 1<<50, 0, 1<<50, 1<<50),
	} {
		var v plan.Verdict
		s, v = j.Look(s, at(math.Ldexp(1, 30*i), l))
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("look %d: %v", i, err)
		}
		if _, err := s.Checkpoint(); err != nil {
			t.Errorf("state after look %d: %v", i, err)
		}
	}
}

func verdicts(t *testing.T, j judge.Judge, looks []judge.Look) []string {
	t.Helper()
	var all []string
	s := j.Start()
	for _, l := range looks {
		var v plan.Verdict
		s, v = j.Look(s, l)
		all = append(all, print(t, v))
	}
	return all
}

func print(t *testing.T, v plan.Verdict) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func pods(name string, requests, failures int64) judge.Counts {
	return judge.Counts{Pods: map[string]judge.Tally{name: {Requests: requests, Failures: failures}}}
}

func pair(t, weight float64, nb, xb, nc, xc int64) judge.Look {
	l := judge.Look{T: t, Weight: weight, Tracks: map[plan.TrackName]judge.Counts{}}
	l.Tracks[plan.Stable], l.Tracks[plan.Canary] = pods("a", nb, xb), pods("c", nc, xc)
	return l
}

func at(t float64, l judge.Look) judge.Look {
	l.T = t
	return l
}

func many(k int, l judge.Look) []judge.Look {
	all := make([]judge.Look, k)
	for i := range all {
		all[i] = l
	}
	return all
}

func idle(k int) []judge.Look { return many(k, pair(0, 10, 0, 0, 0, 0)) }

// 20 pods, one release, looks one after the other: what a judge costs for each. Deciding takes no memory.
func BenchmarkWeigh(b *testing.B) {
	benchmark(b, func(j *sequential.Judge, s judge.State, l judge.Look) { j.Weigh(s, l) })
}

func BenchmarkLook(b *testing.B) {
	benchmark(b, func(j *sequential.Judge, s judge.State, l judge.Look) { j.Look(s, l) })
}

func benchmark(b *testing.B, look func(*sequential.Judge, judge.State, judge.Look)) {
	for _, name := range []string{"same, 0.5 %", "same latency"} {
		b.Run(fmt.Sprintf("%s, 20 pods", name), func(b *testing.B) {
			j, all := defaults(b), looks(family(b, name), 1, 720)
			s, k := j.Start(), 0
			for _, l := range all[:200] {
				look(j, s, l)
			}
			b.ReportAllocs()
			before := worked(b)
			for b.Loop() {
				l := all[200+k%(len(all)-200)]
				l.T += float64(k/(len(all)-200)) * 3600
				look(j, s, l)
				k++
			}
			b.ReportMetric(float64(worked(b)-before)/float64(k), "cpu-ns/op")
		})
	}
}

// worked is the processor time this process has had: on a busy machine it says more than the clock.
func worked(b *testing.B) int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

// Deciding on a look takes no memory, whatever is compared.
func TestWeighingTakesNoMemory(t *testing.T) {
	for _, name := range []string{"same, 0.5 %", "same latency", "same, 0.5 %, bursts of 3"} {
		j, all, k := defaults(t), looks(family(t, name), 1, 700), 400
		s := j.Start()
		for _, l := range all[:k] {
			j.Weigh(s, l)
		}
		if allocs := testing.AllocsPerRun(200, func() { j.Weigh(s, all[k]); k++ }); allocs > 0 {
			t.Errorf("%s: %g allocations a look", name, allocs)
		}
	}
}

// A verdict is the caller's: looks that follow do not change it, and what is explained over it is the same as anew.
func TestVerdictsAreTheCallers(t *testing.T) {
	j, all := defaults(t), looks(family(t, "0.5 to 5 %"), 1, 30)
	s := j.Start()
	var first, over plan.Verdict
	_, first = j.Look(s, all[130])
	before := print(t, first)
	for _, l := range all[131:140] {
		_, v := j.Look(s, l)
		j.Explain(s, &over)
		if print(t, v) != print(t, over) {
			t.Fatalf("explained over another: %s, anew: %s", print(t, over), print(t, v))
		}
	}
	if print(t, first) != before {
		t.Errorf("later looks have changed a verdict: %s", print(t, first))
	}
}
