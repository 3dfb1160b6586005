package sequential_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/detect"
	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/plan"
)

// with is the judge of a block.
func with(t testing.TB, block string) *sequential.Judge {
	t.Helper()
	c, err := sequential.Decode([]byte(block))
	if err != nil {
		t.Fatal(err)
	}
	j, err := sequential.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// until plays looks five seconds apart until one fails; it returns the last verdict and the number of looks.
func until(j *sequential.Judge, most int, look func(k int) judge.Look) (plan.Verdict, int) {
	s, v := j.Start(), plan.Verdict{}
	for k := range most {
		if s, v = j.Look(s, at(float64(5*k+5), look(k))); v.Outcome == plan.Fail {
			return v, k + 1
		}
	}
	return v, most
}

func find(v plan.Verdict, name string) *plan.Finding {
	for i := range v.Metrics {
		if v.Metrics[i].Name == name {
			return &v.Metrics[i]
		}
	}
	return nil
}

// A store that reads each pod at its own moment, once in six looks, as Prometheus does: no pod is silent in between. One that is
// heard no more is found all the same.
func TestAStoreThatReadsSeldom(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		v, looks := until(defaults(t), 400, func(k int) judge.Look {
			counts := func(phase int, n int64) judge.Tally {
				if k%6 != phase {
					n = 0
				}
				return judge.Tally{Requests: n}
			}
			canary := counts(1, 300)
			if hangs && k > 60 {
				canary = judge.Tally{}
			}
			return judge.Look{Weight: 10, Tracks: map[plan.TrackName]judge.Counts{
				plan.Stable: {Pods: map[string]judge.Tally{"a": counts(0, 900), "b": counts(2, 900), "c": counts(4, 900)}},
				plan.Canary: {Pods: map[string]judge.Tally{"d": canary}},
			}}
		})
		if failed := v.Outcome == plan.Fail; failed != hangs || looks > 100 && hangs {
			t.Errorf("the canary hangs %v: %s after %d looks: %s", hangs, v.Outcome, looks, v.Reason)
		}
	}
}

func TestACanaryThatAnswersNothingIsFound(t *testing.T) {
	for _, c := range []struct {
		reason string
		block  string
		stable int64 // requests a look
		canary func(k int) int64
		weight func(k int) float64
		within int64 // requests of stable since it fell silent; 0: it must not fail
	}{
		{"from the beginning", "", 18, func(int) int64 { return 0 }, fixedWeight(10), 250},
		{"after ten minutes", "", 18, before(120, 2), fixedWeight(10), 220},
		{"at much traffic a few looks are enough", "", 450, before(20, 50), fixedWeight(10), 4 * 450},
		{"at one per cent it takes ten times as long", "", 99, before(60, 1), fixedWeight(1), 2600},
		{"one silent look, as of a counter that was reset", "", 450, unless(10, 50), fixedWeight(10), 0},
		{"a silent look now and then", "", 450, unlessEach(7, 50), fixedWeight(10), 0},
		{"users that stick give it half of its share", "", 90, func(int) int64 { return 5 }, fixedWeight(10), 0},
		{"a router that takes two looks to follow", "", 450, func(k int) int64 { return min(1, int64(k/2)) * 50 }, fixedWeight(10), 0},
		{"nothing is meant for it", "", 450, before(20, 50), func(k int) float64 { return max(0, 10-float64(k/20)*10) }, 0},
		{"stable is silent as well", "", 0, func(int) int64 { return 0 }, fixedWeight(10), 0},
		{"it is not asked for", `{"traffic": {"silence": false}}`, 450, before(20, 50), fixedWeight(10), 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			silent := int64(0)
			v, _ := until(with(t, c.block), 400, func(k int) judge.Look {
				n := c.canary(k)
				if n > 0 {
					silent = 0
				} else {
					silent += c.stable
				}
				return pair(0, c.weight(k), c.stable, 0, n, 0)
			})
			switch {
			case c.within == 0 && v.Outcome == plan.Fail:
				t.Errorf("failed: %s", v.Reason)
			case c.within > 0 && (v.Outcome != plan.Fail || silent > c.within):
				t.Errorf("%s after %d requests of stable, want fail within %d: %s", v.Outcome, silent, c.within, v.Reason)
			case c.within > 0 && !strings.Contains(v.Reason, "answered nothing"):
				t.Errorf("the reason does not tell: %s", v.Reason)
			}
		})
	}
}

func fixedWeight(w float64) func(int) float64 { return func(int) float64 { return w } }

// before answers n a look, until look k.
func before(k int, n int64) func(int) int64 {
	return func(at int) int64 {
		if at < k {
			return n
		}
		return 0
	}
}

func unless(k int, n int64) func(int) int64 {
	return func(at int) int64 {
		if at == k {
			return 0
		}
		return n
	}
}

func unlessEach(k int, n int64) func(int) int64 {
	return func(at int) int64 {
		if at%k == k-1 {
			return 0
		}
		return n
	}
}

// Requests are dealt at 0.45 of the meant share, the least that is good, at a budget of 5 %: silent looks are frequent, and still at
// most one release in twenty may fail.
func TestSilenceKeepsTheBudget(t *testing.T) {
	const releases = 400
	failed := 0
	for n := range uint64(releases) {
		dice := rand.New(rand.NewPCG(17, n))
		v, _ := until(with(t, `{"budget": {"falseRollback": "5%"}}`), 300, func(int) judge.Look {
			canary := binomial(dice, 20, 0.045)
			return pair(0, 10, 20-canary, 0, canary, 0)
		})
		if v.Outcome == plan.Fail {
			failed++
		}
	}
	if low, _ := detect.Wilson(failed, releases); low > 0.05 {
		t.Errorf("%d of %d releases failed for silence, more than 5 %%", failed, releases)
	}
}

func TestRestarts(t *testing.T) {
	for _, c := range []struct {
		reason         string
		stable, canary int // looks between restarts; 0: none
		want           plan.Outcome
	}{
		{"a crash loop", 0, 6, plan.Fail},
		{"both alike", 40, 40, plan.Pass},
		{"one restart proves nothing", 0, 130, plan.Pass},
		{"stable crashes more", 6, 60, plan.Pass},
	} {
		t.Run(c.reason, func(t *testing.T) {
			v, _ := until(defaults(t), 200, func(k int) judge.Look {
				l := pair(0, 10, 450, 2, 60, 0)
				end := func(track plan.TrackName, pod string, each int) {
					if each > 0 && k%each == each-1 {
						tally := l.Tracks[track].Pods[pod]
						tally.Restarts = 1
						l.Tracks[track].Pods[pod] = tally
					}
				}
				end(plan.Stable, "a", c.stable)
				end(plan.Canary, "c", c.canary)
				return l
			})
			f := find(v, "restarts")
			if v.Outcome != c.want || f == nil || c.want == plan.Fail && !strings.Contains(v.Reason, "restarts: ") {
				t.Fatalf("%s, want %s: %s", v.Outcome, c.want, v.Reason)
			}
			if !(f.Low <= f.Effect && f.Effect <= f.High) {
				t.Errorf("effect %g outside %g to %g", f.Effect, f.Low, f.High)
			}
		})
	}
}

func TestSums(t *testing.T) {
	const fall = `{"sums": {"orders": {"most": 10, "fall": "10%"}}}`
	for _, c := range []struct {
		reason, block  string
		stable, canary float64 // total a look, of 450 and 60 events
		want           plan.Outcome
	}{
		{"half as much", fall, 450, 30, plan.Fail},
		{"as much", fall, 450, 60, plan.Pass},
		{"within what is tolerated", fall, 450, 56, plan.Pass},
		{"more is no fall", fall, 450, 120, plan.Pass},
		{"twice as much, where that is not wanted", `{"sums": {"orders": {"most": 10, "rise": "20%"}}}`, 450, 120, plan.Fail},
		{"more than events can have is not believed", fall, 450, 6000, plan.Pass},
		{"nobody asked", "", 450, 0, plan.Pass},
	} {
		t.Run(c.reason, func(t *testing.T) {
			v, _ := until(with(t, c.block), 300, func(int) judge.Look {
				l := pair(0, 10, 450, 2, 60, 0)
				l.Tracks[plan.Stable].Pods["a"] = judge.Tally{Requests: 450, Failures: 2, Sums: map[string]judge.Sum{"orders": {N: 450, Total: c.stable}}}
				l.Tracks[plan.Canary].Pods["c"] = judge.Tally{Requests: 60, Sums: map[string]judge.Sum{"orders": {N: 60, Total: c.canary}}}
				return l
			})
			if v.Outcome != c.want || c.want == plan.Fail && !strings.HasPrefix(v.Reason, "orders: ") {
				t.Errorf("%s, want %s: %s", v.Outcome, c.want, v.Reason)
			}
			if f := find(v, "orders"); (f != nil) != (c.block != "") || c.canary > 600 && f.Outcome != plan.Unavailable {
				t.Errorf("finding %+v", f)
			}
		})
	}
}

// A gauge holds a release and never fails it; pods that differ for good do not raise it.
func TestGauges(t *testing.T) {
	for _, c := range []struct {
		reason string
		level  func(k int, canary bool, dice *rand.Rand) float64
		want   plan.Outcome
	}{
		{"twice as much memory", func(_ int, canary bool, dice *rand.Rand) float64 {
			return 200 + 10*dice.NormFloat64() + more(canary, 200)
		}, plan.Hold},
		{"a leak", func(k int, canary bool, dice *rand.Rand) float64 {
			return 200 + 10*dice.NormFloat64() + more(canary, float64(k))
		}, plan.Hold},
		{"alike", func(_ int, _ bool, dice *rand.Rand) float64 { return 200 + 10*dice.NormFloat64() }, plan.Pass},
		{"within what is tolerated", func(_ int, canary bool, dice *rand.Rand) float64 {
			return 200 + 10*dice.NormFloat64() + more(canary, 50)
		}, plan.Pass},
		{"nobody reports it", nil, plan.Pass},
	} {
		t.Run(c.reason, func(t *testing.T) {
			dice := rand.New(rand.NewPCG(3, 3))
			v, _ := until(with(t, `{"gauges": {"memory": {"tolerate": "1.3x"}}}`), 500, func(k int) judge.Look {
				l := judge.Look{Weight: 10, Tracks: map[plan.TrackName]judge.Counts{plan.Stable: {Pods: map[string]judge.Tally{}}, plan.Canary: {Pods: map[string]judge.Tally{}}}}
				for i := range 8 {
					track, n := plan.Stable, int64(75)
					if i >= 6 {
						track, n = plan.Canary, 25
					}
					tally := judge.Tally{Requests: n}
					if c.level != nil {
						tally.Gauges = map[string]float64{"memory": c.level(k, i >= 6, dice)}
					}
					l.Tracks[track].Pods[fmt.Sprint("p", i)] = tally
				}
				return l
			})
			f := find(v, "memory")
			if v.Outcome != c.want || c.want == plan.Hold && !strings.Contains(v.Reason, "memory is raised") {
				t.Fatalf("%s, want %s: %s", v.Outcome, c.want, v.Reason)
			}
			if c.level == nil {
				if f.Outcome != plan.Unavailable {
					t.Errorf("a gauge nobody reports is %s", f.Outcome)
				}
				return
			}
			if math.IsNaN(f.Low) || !(f.Low <= f.Effect && f.Effect <= f.High) {
				t.Errorf("effect %g outside %g to %g", f.Effect, f.Low, f.High)
			}
			if c.reason == "twice as much memory" && (f.Low < 1.2 || f.High > 3) {
				t.Errorf("twice as much is said to be %g to %g times", f.Low, f.High)
			}
		})
	}
}

func more(canary bool, by float64) float64 {
	if canary {
		return by
	}
	return 0
}

// The canary gets most requests of a kind that fails often: kind by kind it is as good as stable.
func TestKindsOfRequestsAreComparedEachByItself(t *testing.T) {
	look := func(told bool, canary map[string]judge.Tally) func(int) judge.Look {
		return func(int) judge.Look {
			stable := map[string]judge.Tally{"POST /orders": {Requests: 50, Failures: 2}, "GET /": {Requests: 400, Failures: 1}}
			l := pair(0, 10, 450, 3, 0, 0)
			sum := judge.Tally{}
			for _, t := range canary {
				sum.Requests, sum.Failures = sum.Requests+t.Requests, sum.Failures+t.Failures
			}
			if told {
				sum.Strata = canary
				l.Tracks[plan.Stable].Pods["a"] = judge.Tally{Requests: 450, Failures: 3, Strata: stable}
			}
			l.Tracks[plan.Canary].Pods["c"] = sum
			return l
		}
	}
	mixed := map[string]judge.Tally{"POST /orders": {Requests: 50, Failures: 2}, "GET /": {Requests: 10}}
	broken := map[string]judge.Tally{"POST /orders": {Requests: 5, Failures: 2}, "GET /": {Requests: 45}}
	if v, _ := until(defaults(t), 100, look(true, mixed)); v.Outcome == plan.Fail {
		t.Errorf("another mix of requests failed: %s", v.Reason)
	}
	if v, _ := until(defaults(t), 100, look(false, mixed)); v.Outcome != plan.Fail {
		t.Errorf("not told apart the mix should look bad, or this test shows nothing: %s", v.Reason)
	}
	if v, _ := until(defaults(t), 30, look(true, broken)); v.Outcome != plan.Fail {
		t.Errorf("a broken kind of request was not seen: %s", v.Reason)
	}
}

func TestOneBadPodHasAName(t *testing.T) {
	f := family(t, "one bad pod of five (20 %)")
	for n := range uint64(5) {
		j := defaults(t)
		s, v := j.Start(), plan.Verdict{}
		for _, l := range looks(f, n, 60) {
			if s, v = j.Look(s, l); v.Outcome == plan.Fail {
				break
			}
		}
		if v.Outcome != plan.Fail || !strings.Contains(v.Reason, "pod canary-0 fails ") {
			t.Errorf("release %d: %s: %s", n, v.Outcome, v.Reason)
		}
	}
}
