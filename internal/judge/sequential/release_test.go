package sequential_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/detect"
	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/plan"
)

// An adversary chooses the weight and the common rate of the next look, knowing all that has happened.
type adversary func(last plan.Verdict, failures int64, dice *rand.Rand) (weight, rate float64)

// Whole releases at the edge of the tolerance, looked at 400 times, with a budget of 5 %: however the weight is steered and the
// common rate jumps, at most 5 % may be rolled back.
func TestWholeReleasesKeepTheBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED by -short: it plays 1,200 releases; `make test` runs it")
	}
	for _, c := range []struct {
		reason string
		next   adversary
	}{
		{"constant", func(plan.Verdict, int64, *rand.Rand) (float64, float64) { return 10, 0.005 }},
		{"frequent failures at half of the traffic", func(plan.Verdict, int64, *rand.Rand) (float64, float64) { return 50, 0.2 }},
		{"the evidence steers the weight", func(v plan.Verdict, _ int64, _ *rand.Rand) (float64, float64) {
			if v.Evidence > 1 {
				return 40, 0.005
			}
			return 5, 0.005
		}},
		{"the rate jumps twentyfold after the canary failed", func(_ plan.Verdict, failures int64, dice *rand.Rand) (float64, float64) {
			if failures > 0 && dice.Float64() < 0.5 {
				return 10, 0.1
			}
			return 10, 0.005
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			const releases = 300
			rolled := 0
			for n := range releases {
				if rolledBack(t, c.next, uint64(n)) {
					rolled++
				}
			}
			if low, _ := detect.Wilson(rolled, releases); low > 0.05 {
				t.Errorf("%d of %d good releases were rolled back, more than 5 %%", rolled, releases)
			}
		})
	}
}

func rolledBack(t *testing.T, next adversary, n uint64) bool {
	c := sequential.Default()
	c.FalseRollback = 0.05
	j, err := sequential.New(c)
	if err != nil {
		t.Fatal(err)
	}
	dice := rand.New(rand.NewPCG(99, n))
	s := j.Start()
	var v plan.Verdict
	var failures int64
	for k := range 400 {
		weight, rate := next(v, failures, dice)
		nb, nc := int64(500-5*weight), int64(5*weight)
		xb := binomial(dice, nb, rate)
		failures = binomial(dice, nc, min(1, 1.1*rate+0.0002))
		s, v = j.Look(s, pair(float64(5*k+5), weight, nb, xb, nc, failures))
		if v.Outcome == plan.Fail {
			return true
		}
	}
	return false
}

func binomial(dice *rand.Rand, n int64, p float64) (x int64) {
	for range n {
		if dice.Float64() < p {
			x++
		}
	}
	return x
}

// The judge is not blinded by what happens at every look.
func TestNothingThatRepeatsBlindsTheJudge(t *testing.T) {
	for _, c := range []struct {
		reason string
		change func(k int, l *judge.Look)
		within int
	}{
		{"a weight that rises with every look", func(k int, l *judge.Look) { l.Weight = 5 + float64(k)/2 }, 20},
		{"a weight that doubles at every look", func(k int, l *judge.Look) { l.Weight = min(64, float64(int(1)<<k)) }, 20},
		{"canary pods that die after every scrape", func(k int, l *judge.Look) {
			l.Tracks[plan.Canary] = pods(fmt.Sprint("c", k), 50, 10)
		}, 10},
		{"stable pods that come and go", func(k int, l *judge.Look) {
			both := pods("a", 400, 2)
			both.Pods[fmt.Sprint("b", k)] = judge.Tally{Requests: 50}
			l.Tracks[plan.Stable] = both
		}, 10},
		{"every other look a gap", func(k int, l *judge.Look) { l.Gap = k%2 == 1 }, 10},
		{"one request a look", func(k int, l *judge.Look) { *l = pair(0, 10, 9, 0, 1, int64(k%2)) }, 30},
	} {
		t.Run(c.reason, func(t *testing.T) {
			j := defaults(t)
			s := j.Start()
			for k := range c.within {
				l := pair(0, 10, 450, 2, 50, 10)
				c.change(k, &l)
				var v plan.Verdict
				if s, v = j.Look(s, at(float64(5*k+5), l)); v.Outcome == plan.Fail {
					return
				}
			}
			t.Errorf("20 %% of failures against 0.4 %% were not seen in %d looks", c.within)
		})
	}
}

func TestLatencyIsNotPassedOverInSilence(t *testing.T) {
	timed := func(canary []float64) judge.Look {
		l := pair(0, 10, 450, 2, 60, 0)
		bounds := []float64{0.1, 0.5, 1}
		l.Tracks[plan.Stable].Pods["a"] = judge.Tally{Requests: 450, Failures: 2, Bounds: bounds, Buckets: []int64{26, 349, 448}}
		buckets := []int64{}
		for _, bound := range canary {
			buckets = append(buckets, int64(math.Ceil(60*(1-math.Exp(-6*bound*bound)))))
		}
		l.Tracks[plan.Canary].Pods["c"] = judge.Tally{Requests: 60, Bounds: canary, Buckets: buckets}
		return l
	}
	for _, c := range []struct {
		reason  string
		looks   []judge.Look
		want    plan.Outcome
		latency plan.Outcome
	}{
		{"both arms are timed", many(60, timed([]float64{0.1, 0.5, 1})), plan.Pass, plan.Pass},
		{"the canary has other bounds, some shared", many(60, timed([]float64{0.1, 0.5, 1, 2})), plan.Pass, plan.Pass},
		{"the canary shares no bound", many(60, timed([]float64{0.2, 0.7, 3})), plan.Hold, plan.Unavailable},
		{"the canary has no buckets", many(60, timed(nil)), plan.Hold, plan.Unavailable},
		{"nobody has buckets", many(60, pair(0, 10, 450, 2, 60, 0)), plan.Pass, plan.Unavailable},
		{"the bounds change for good", append(many(10, timed([]float64{0.1, 0.5, 1})), many(80, timed([]float64{0.1, 1, 2}))...), plan.Pass, plan.Pass},
		{"the buckets vanish", append(many(40, timed([]float64{0.1, 0.5, 1})), many(10, timed(nil))...), plan.Hold, plan.Unavailable},
	} {
		t.Run(c.reason, func(t *testing.T) {
			j := defaults(t)
			s := j.Start()
			var v plan.Verdict
			for k, l := range c.looks {
				s, v = j.Look(s, at(float64(5*k+5), l))
			}
			if v.Outcome != c.want || v.Metrics[1].Outcome != c.latency {
				t.Errorf("%s, latency %s, want %s, %s: %s", v.Outcome, v.Metrics[1].Outcome, c.want, c.latency, v.Reason)
			}
		})
	}
}

func TestObjectives(t *testing.T) {
	c, err := sequential.Decode([]byte(`{"objective": {"availability": "99.5%", "latency": {"below": "500ms", "for": "99%"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	look := func(xb, xc, slow int64) judge.Look {
		l := pair(0, 50, 60, xb, 60, xc)
		bounds := []float64{0.1, 0.5, 1}
		l.Tracks[plan.Stable].Pods["a"] = judge.Tally{Requests: 60, Failures: xb, Bounds: bounds, Buckets: []int64{30, 60, 60}}
		l.Tracks[plan.Canary].Pods["c"] = judge.Tally{Requests: 60, Failures: xc, Bounds: bounds, Buckets: []int64{30, 60 - slow, 60}}
		return l
	}
	for _, k := range []struct {
		reason string
		look   judge.Look
		want   plan.Outcome
	}{
		{"kept", look(0, 0, 0), plan.Pass},
		{"broken by the canary", look(0, 3, 0), plan.Fail},
		{"slower than promised", look(0, 0, 6), plan.Fail},
		{"broken by both alike: a shared outage is not the canary's", look(6, 6, 0), plan.Pass},
	} {
		t.Run(k.reason, func(t *testing.T) {
			j, err := sequential.New(c)
			if err != nil {
				t.Fatal(err)
			}
			s := j.Start()
			var v plan.Verdict
			for i := range 150 {
				if s, v = j.Look(s, at(float64(5*i+5), k.look)); v.Outcome == plan.Fail {
					break
				}
			}
			if v.Outcome != k.want {
				t.Errorf("%s, want %s: %s", v.Outcome, k.want, v.Reason)
			}
		})
	}
}

func TestDecodeRefusesAtTheField(t *testing.T) {
	for text, want := range map[string]string{
		`{"failures": {"tolerate": "2x"}}`:                "judge:1:14: failures.harmful.ratio: what is tolerated must not be harmful",
		`{"latency": {"tolerate": "1.6x"}}`:               "latency.harmful.ratio: must be above tolerate",
		`{"budget": {"falseRollback": "0%"}}`:             "judge:1:30: budget.falseRollback: must be given",
		`{"objective": {"latency": {"for": "99%"}}}`:      "objective.latency.below: is missing",
		`{"gauges": {"memory": {"tolerates": "2x"}}}`:     "judge:1:24: gauges.memory.tolerates: unknown field",
		`{"sums": {"orders": {"most": 5}}}`:               "judge:1:21: sums.orders: needs fall or rise",
		`{"sums": {"orders": {"most": 0, "fall": "5%"}}}`: "sums.orders.most: must be above 0",
		`{"restarts": {"every": "0s"}}`:                   "restarts.every: 0s is not positive",
		`{"failure": {}}`:                                 "judge:1:2: failure: unknown field",
	} {
		if _, err := sequential.Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("decode %s: %v, want %s", text, err, want)
		}
	}
	if c, err := sequential.Decode(nil); err != nil || !reflect.DeepEqual(c, sequential.Default()) {
		t.Errorf("an empty block: %v, %v", c, err)
	}
}

// A process that waits for a processor makes all that it is asked slow, for a moment. Before stable was watched for long that is one
// event and not many; a canary that is slow again and again is found all the same.
func TestAStallIsOneEvent(t *testing.T) {
	track := func(n, slow int64) judge.Counts {
		return judge.Counts{Pods: map[string]judge.Tally{"p": {Requests: n, Bounds: []float64{0.01, 0.1, 1}, Buckets: []int64{n - slow, n - slow, n}}}}
	}
	for _, c := range []struct {
		reason string
		slow   func(look int) int64 // of the canary's ten requests
		fails  bool
	}{
		{"half a second, each quarter of a minute", func(look int) int64 {
			if k := look % 75; k == 20 || k == 21 || k == 22 {
				return 8
			}
			return 0
		}, false},
		{"one request in five", func(look int) int64 { return int64(look%2) * 2 }, true},
	} {
		j := defaults(t)
		s, failed := j.Start(), false
		for look := range 225 {
			var v plan.Verdict
			s, v = j.Look(s, judge.Look{T: 0.2 * float64(look+1), Weight: 50, Tracks: map[plan.TrackName]judge.Counts{
				plan.Stable: track(10, 0), plan.Canary: track(10, c.slow(look)),
			}})
			failed = failed || v.Outcome == plan.Fail
		}
		if failed != c.fails {
			t.Errorf("%s: failed %v, want %v", c.reason, failed, c.fails)
		}
	}
}

// Of a service that is faster than the first bound, a start that was slow once, while little was known of stable, must not make the
// release wait for requests between bounds that hardly come.
func TestABoundThatHardlyAnyRequestExceedsHoldsNobody(t *testing.T) {
	track := func(n, slow int64) judge.Counts {
		return judge.Counts{Pods: map[string]judge.Tally{"p": {Requests: n, Bounds: []float64{0.005, 0.01, 0.025, 0.1}, Buckets: []int64{n - slow, n - slow, n, n}}}}
	}
	for _, c := range []struct {
		reason, block string
	}{
		{"tolerant", `{"failures": {"tolerate": "1.5x", "plus": "1%", "harmful": {"ratio": "2x", "plus": "5%"}}, "latency": {"tolerate": "5x", "harmful": {"ratio": "20x"}}}`},
		{"by itself", `{}`},
	} {
		j := with(t, c.block)
		s, passed := j.Start(), 0
		for look := 1; look <= 600 && passed == 0; look++ {
			var slow [2]int64
			if look == 1 {
				slow = [2]int64{1, 1}
			}
			var v plan.Verdict
			s, v = j.Look(s, judge.Look{T: float64(look), Weight: 50, Tracks: map[plan.TrackName]judge.Counts{
				plan.Stable: track(20, slow[0]), plan.Canary: track(20, slow[1]),
			}})
			if v.Outcome == plan.Pass {
				passed = look
			}
		}
		t.Logf("%s: passed after %d requests", c.reason, 20*passed)
		if passed == 0 {
			t.Errorf("%s: not passed after 12,000 requests of the canary, of which one was slow, as of stable's", c.reason)
		}
	}
}
