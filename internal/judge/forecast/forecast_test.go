package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/forecast"
	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/plan"
)

// within is the factor by which a forecast may be off, a look in either direction aside.
const within = 1.5

const every = 5 * time.Second

// releases that are measured for each case.
const releases = 200

func oneStep(weight float64, hold time.Duration, settings string) plan.Plan {
	share := plan.Share(math.Round(weight * 10))
	return plan.Plan{
		Steps: []plan.Step{{Name: "stable"}, {
			Name:    fmt.Sprintf("%g%%", weight),
			Desired: plan.State{Traffic: plan.Traffic{Shares: plan.Shares{plan.Canary: share, plan.Stable: plan.Whole - share}}},
			Until:   []plan.Gate{plan.After{Hold: hold}, plan.Passed{Analysis: "native", Proven: true}},
		}},
		Analyses: []plan.Analysis{{Name: "native", From: 1, To: 1, Every: every, Judge: plan.Use{Kind: "sequential", With: []byte(settings)}}},
	}
}

// What is forecast is what the judge does: the smallest rise is found at least as often as is promised, and not much more often;
// it takes the time and the requests that are forecast; and a good release has leave to promote when it is said to.
func TestForecastsComeTrue(t *testing.T) {
	for _, c := range []struct {
		rps, failures, weight float64
		hold                  time.Duration
		settings              string
	}{
		{100, 0.005, 10, 5 * time.Minute, `{}`},
		{100, 0.005, 1, 10 * time.Minute, `{}`},
		{100, 0.001, 10, 2 * time.Minute, `{}`},
		{20, 0.01, 50, 10 * time.Minute, `{}`},
		{400, 0.005, 10, time.Minute, `{}`},
		{1, 0.005, 20, time.Hour, `{}`},
		{100, 0.08, 10, 10 * time.Minute, `{}`},
		{10, 0.001, 25, 10 * time.Minute, `{"objective":{"availability":"99.5%"}}`},
		{100, 0.005, 10, 5 * time.Minute, `{"failures":{"tolerate":"1.5x","plus":"0.5%","harmful":{"ratio":"2x","plus":"1%"}},"budget":{"falseRollback":"0.1%"}}`},
	} {
		name := fmt.Sprintf("%g rps, %g %% failures, %g %% for %s", c.rps, 100*c.failures, c.weight, c.hold)
		t.Run(name, func(t *testing.T) {
			f, ok, err := forecast.Of(oneStep(c.weight, c.hold, c.settings), forecast.Traffic{Rate: c.rps, Failures: c.failures})
			if err != nil || !ok || len(f.Steps) != 1 || f.Steps[0].Smallest == nil {
				t.Fatalf("no forecast: %+v, %v, %v", f, ok, err)
			}
			bench := bench{t: t, settings: c.settings, rps: c.rps, weight: c.weight, failures: c.failures}
			smallest, dead := *f.Steps[0].Smallest, *f.Steps[0].Dead

			found, after, requests := bench.rolledBack(smallest.Failures, c.hold)
			t.Logf("finds %.2g %% after %s, %g requests; measured: %.0f %% of releases, %s, %g requests",
				100*smallest.Failures, time.Duration(smallest.After), smallest.Requests, 100*found, after, requests)
			if found < forecast.Chance-0.04 {
				t.Errorf("the smallest rise was found in %.1f %% of releases, promised were %.0f %%", 100*found, 100*forecast.Chance)
			}
			smaller := c.failures + (smallest.Failures-c.failures)*2/3
			if found, _, _ := bench.rolledBack(smaller, c.hold); found > forecast.Chance {
				t.Errorf("a rise to %.2g %% was found in %.1f %% of releases: a smaller one than %.2g %% can be promised", 100*smaller, 100*found, 100*smallest.Failures)
			}
			near(t, "time until the smallest rise is found", time.Duration(smallest.After).Seconds(), after.Seconds())
			near(t, "requests until then", smallest.Requests, requests)

			found, after, _ = bench.rolledBack(1, c.hold)
			if found < forecast.Chance {
				t.Errorf("a dead version was found in %.1f %% of releases", 100*found)
			}
			near(t, "time until a dead version is found", time.Duration(dead.After).Seconds(), after.Seconds())

			typical, most := bench.promoted()
			t.Logf("leave to promote after %s, by %s; measured: %s, %s", time.Duration(f.Promotion.After), time.Duration(f.Promotion.By), typical, most)
			near(t, "time until leave to promote", time.Duration(f.Promotion.After).Seconds(), typical.Seconds())
			near(t, "time until leave nine times in ten", time.Duration(f.Promotion.By).Seconds(), most.Seconds())
		})
	}
}

// Where traffic is too scarce nothing is promised, and it is said how long it would take; where a judge of another kind is asked
// there is no forecast.
func TestForecastsOfNothing(t *testing.T) {
	traffic := forecast.Traffic{Rate: 1, Failures: 0.005}
	f, ok, err := forecast.Of(oneStep(1, 2*time.Minute, `{}`), traffic)
	if err != nil || !ok || f.Steps[0].Smallest != nil || f.Steps[0].Needs == 0 {
		t.Fatalf("1.2 requests find something: %+v, %v, %v", f, ok, err)
	}
	needs := time.Duration(f.Steps[0].Needs)
	if longer, _, _ := forecast.Of(oneStep(1, needs+2*every, `{}`), traffic); longer.Steps[0].Smallest == nil {
		t.Errorf("%s do not find a dead version after all", needs)
	}
	whole := oneStep(100, 2*time.Minute, `{}`)
	if f, _, _ := forecast.Of(whole, forecast.Traffic{Rate: 100}); !f.Steps[0].Blind {
		t.Errorf("there is nothing to compare with, and yet: %+v", f.Steps[0])
	}
	other := oneStep(10, 2*time.Minute, `{}`)
	other.Analyses[0].Judge.Kind = "threshold"
	if f, ok, err := forecast.Of(other, traffic); ok || err != nil {
		t.Errorf("a forecast for another judge: %+v, %v", f, err)
	}
}

func near(t *testing.T, what string, forecast, measured float64) {
	t.Helper()
	look := every.Seconds()
	if forecast > within*measured+look || measured > within*forecast+look {
		t.Errorf("%s: forecast %.3g, measured %.3g", what, forecast, measured)
	}
}

// A bench plays releases to the judge itself.
type bench struct {
	t                     *testing.T
	settings              string
	rps, weight, failures float64
}

func (b bench) judge() judge.Judge {
	c, err := sequential.Decode([]byte(b.settings))
	if err != nil {
		b.t.Fatal(err)
	}
	j, err := sequential.New(c)
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

// look lets time pass. Latency is log-normal around 40 ms.
func (b bench) look(dice *rand.Rand, t, span, failing float64, canaryToo bool) judge.Look {
	count := func(rate, failing float64, pods int) judge.Counts {
		all := judge.Counts{Pods: map[string]judge.Tally{}}
		for i := range pods {
			n := distuv.Poisson{Lambda: rate * span / float64(pods), Src: dice}.Rand()
			tally := judge.Tally{Requests: int64(n), Bounds: []float64{0.06, 0.08, 0.1, 0.25}}
			tally.Failures = int64(distuv.Binomial{N: n, P: failing, Src: dice}.Rand())
			left, share := n, 1.0
			for _, beyond := range []float64{0.209, 0.083, 0.033, 0.0001} {
				left = distuv.Binomial{N: left, P: beyond / share, Src: dice}.Rand()
				tally.Buckets, share = append(tally.Buckets, tally.Requests-int64(left)), beyond
			}
			all.Pods[fmt.Sprintf("pod-%d", i)] = tally
		}
		return all
	}
	w := b.weight / 100
	l := judge.Look{T: t, Weight: b.weight, Tracks: map[plan.TrackName]judge.Counts{}}
	if !canaryToo {
		w, l.Weight = 0, 0
	} else {
		l.Tracks[plan.Canary] = count(b.rps*w, failing, 2)
	}
	l.Tracks[plan.Stable] = count(b.rps*(1-w), b.failures, 4)
	return l
}

// play shows a release with its history to the judge until it says what is waited for.
func (b bench) play(seed uint64, failing float64, within time.Duration, until plan.Outcome) (at time.Duration, requests int64, ok bool) {
	dice := rand.New(rand.NewPCG(seed, 7))
	j := b.judge()
	state := j.Start()
	for past := -1800.0; past <= 0; past += 60 {
		state, _ = j.Look(state, b.look(dice, past, 60, 0, false))
	}
	for at = every; at <= within; at += every {
		look := b.look(dice, at.Seconds(), every.Seconds(), failing, true)
		for _, pod := range look.Tracks[plan.Canary].Pods {
			requests += pod.Requests
		}
		var v plan.Verdict
		if state, v = j.Look(state, look); v.Outcome == until {
			return at, requests, true
		}
	}
	return within, requests, false
}

// rolledBack says how often, and typically when and after how many requests.
func (b bench) rolledBack(failing float64, within time.Duration) (share float64, after time.Duration, requests float64) {
	var times, counts []float64
	for seed := range uint64(releases) {
		at, n, ok := b.play(seed, failing, within, plan.Fail)
		if ok {
			share += 1. / releases
			times, counts = append(times, at.Seconds()), append(counts, float64(n))
		} else {
			times, counts = append(times, math.Inf(1)), append(counts, math.Inf(1))
		}
	}
	slices.Sort(times)
	slices.Sort(counts)
	return share, time.Duration(times[releases/2] * float64(time.Second)), counts[releases/2]
}

func (b bench) promoted() (typical, most time.Duration) {
	const few = releases / 5
	var times []time.Duration
	for seed := range uint64(few) {
		at, _, _ := b.play(1000+seed, b.failures, 4*time.Hour, plan.Pass)
		times = append(times, at)
	}
	slices.Sort(times)
	return times[few/2], times[few*9/10]
}
