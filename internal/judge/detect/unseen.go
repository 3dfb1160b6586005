package detect

import "math"

// The families of this file were written after the judge's constants were chosen. All but those in known changed nothing in it:
// they are the validation set.

func unseen(families []Family) []Family {
	for i := range families {
		families[i].Unseen = !known(families[i].Name)
	}
	return families
}

// known families have been looked at since, when stakes were divided anew.
func known(name string) bool {
	return name == tailOnly || name == allSlower || name == halfHangs || name == twoToEight
}

func unseenGood() []Family {
	same := func(name string, rate float64) Family { return plain(name, rate, rate) }
	return unseen([]Family{
		same("0.3 %, bursts of 5, 3 of 12 pods", 0.003).with(func(f *Family) {
			f.Burst, f.RPS, f.Stables, f.Canaries, f.Weight, f.Apart = 5, 60, 9, 3, fixed(25), 30
		}),
		same("1 %, bursts of 2, 5 rps", 0.01).with(func(f *Family) { f.Burst, f.RPS, f.Stables, f.Canaries = 2, 5, 4, 1 }),
		same("1 %, pods differ, CV 0.35, 400 rps", 0.01).with(func(f *Family) { f.CV, f.RPS = 0.35, 400 }),
		same("bursts of 3 and CV 0.3", 0.005).with(func(f *Family) { f.Burst, f.CV = 3, 0.3 }),
		same("0.5 %, traffic swings threefold", 0.005).with(func(f *Family) {
			f.Busy = func(t float64) float64 { return 1 + 0.5*math.Sin(t/300) }
			f.Weight = staircase
		}),
		same("rate doubles and halves each look", 0).with(func(f *Family) {
			f.Rates = alike(func(t float64) float64 { return 0.004 * math.Exp2(math.Mod(math.Floor(t/5), 3)) })
			f.Weight = staircase
		}),
		same("15 s looks, gaps, ramp, no history", 0.008).with(func(f *Family) {
			f.Every, f.Gaps, f.Weight, f.Past = 15, 0.15, staircase, 0
		}),
		same("latency of pods differs by 5 %", 0.005).with(func(f *Family) {
			f.RPS, f.SlowCV, f.Slow = 50, 0.05, &Speed{Median: 0.03, Sigma: 0.7, Bounds: Classic(), Limit: 0.25}
		}),
		same("latency of pods differs by 20 %", 0.005).with(func(f *Family) {
			f.RPS, f.SlowCV, f.Slow = 50, 0.2, &Speed{Median: 0.03, Sigma: 0.7, Bounds: Classic(), Limit: 0.25}
		}),
		same("pods stall now and then", 0.005).with(func(f *Family) {
			f.RPS, f.Stalls, f.Slow = 50, 0.02, &Speed{Median: 0.03, Sigma: 0.7, Bounds: Classic(), Limit: 0.25}
		}),
		same("latency at scarce traffic", 0.005).with(func(f *Family) {
			f.RPS, f.Stables, f.Canaries, f.Weight = 1, 2, 1, fixed(30)
			f.Slow = &Speed{Median: 0.4, Sigma: 1, Bounds: []float64{0.1, 0.3, 1, 3, 10}, Limit: 10}
		}),
		same("a failure takes 2 s (metrics go together)", 0.005).with(func(f *Family) { f.RPS, f.Slow, f.FailSlow = 50, quick(Classic()), 2 }),
		same("cold pods: thrice as slow, halved each 7 s", 0.005).with(func(f *Family) {
			f.RPS, f.Slow = 50, quick(Classic())
			f.Drag = func(t float64) Drag { return Drag{Factor: 1 + 2*math.Exp2(-t/7)} }
		}),
		same("retry storms: 30 % fail for 1 of 10 min, traffic 2.4-fold", 0).with(func(f *Family) {
			f.Burst, f.Weight = 2, staircase
			f.Rates = alike(func(t float64) float64 { return 0.005 + 0.295*storm(t) })
			f.Busy = func(t float64) float64 { return 1 + 1.4*storm(t) }
		}),
		same("mix of routes swings, alike on both tracks", 0).with(func(f *Family) {
			f.Rates, f.Weight = rates(0, 0), staircase
			f.Routes = mix(func(t float64) (float64, float64) { p := 0.2 + 0.18*math.Sin(t/300); return p, p }, 0.03)
		}),
		same("canary gets thrice the share of a failing route", 0).with(func(f *Family) {
			f.Rates, f.Routes = rates(0, 0), mix(func(float64) (float64, float64) { return 0.1, 0.3 }, 0.02)
		}),
		same("0.5 %, the busiest pod has 5 times the quietest's", 0.005).with(func(f *Family) { f.Skew = 5 }),
		same("0.5 %, sticky sessions: half the share that is asked", 0.005).with(func(f *Family) { f.Stick, f.Weight = 0.5, staircase }),
		same("drift in a ramp, the router lags by 15 s", 0).with(func(f *Family) { f.Lag, f.Weight, f.Rates = 15, staircase, alike(drift) }),
		same("0.5 %, pods crash twice an hour, alike", 0.005).with(func(f *Family) { f.Ends = Ends{Stable: 2, Canary: 2, Fails: 0.2} }),
		same("0.5 %, memory sways, alike", 0.005).with(func(f *Family) { f.Memory, f.Settings = &Memory{Start: 200e6, Sway: 20e6, Limit: 500e6}, judgeMemory }),
		same("0.5 %, orders alike", 0.005).with(func(f *Family) { f.Orders, f.Settings = Orders{Stable: 0.05, Canary: 0.05}, judgeOrders }),
		same(sameSpeed, 0.001).with(func(f *Family) { f.RPS, f.Slow = 50, quick(Classic()) }),
		same("same latency, bounds of a native histogram", 0.005).with(func(f *Family) { f.RPS, f.Slow = 50, quick(Exponential(2, 0.02, 5)) }),
	})
}

// Names of families that others ask for.
const (
	sameSpeed  = "same latency, p99 0.41 s, limit 0.5 s"
	tailOnly   = "3 % of requests +1 s, p99 0.41 s"
	allSlower  = "all 25 % slower, p99 0.41 s"
	twoToEight = "2 to 8 %"
	halfHangs  = "half of its requests hang after 10 min"
)

// Settings of families that export what is not judged unless asked for.
const (
	judgeOrders = "sums: {orders: {fall: 10%}}"
	judgeMemory = "gauges: {memory: {tolerate: 1.2x}}"
)

func unseenBad() []Family {
	slower := func(name string, bounds []float64, d Drag) Family {
		return plain(name, 0.001, 0.001).with(func(f *Family) {
			f.Good, f.RPS, f.Slow = false, 50, quick(bounds)
			f.Drag = func(float64) Drag { return d }
		})
	}
	harm := func(name string, change func(*Family)) Family {
		return plain(name, 0.005, 0.005).with(func(f *Family) { f.Good = false }).with(change)
	}
	return unseen([]Family{
		step("0.3 to 1.5 %, 200 rps, canary 5 %", 0.003, 0.015).with(func(f *Family) { f.RPS, f.Weight, f.Canaries = 200, fixed(5), 1 }),
		step(twoToEight, 0.02, 0.08),
		step("0.5 to 2 %, pods unequal, 5 to 1", 0.005, 0.02).with(func(f *Family) { f.Skew = 5 }),
		step("0.5 to 5 %, looks each 1 s", 0.005, 0.05).with(func(f *Family) { f.Every = 1 }),
		step("0.5 to 5 %, looks each 30 s", 0.005, 0.05).with(func(f *Family) { f.Every, f.Apart = 30, 30 }),
		step("0.5 to 5 %, looks each 60 s", 0.005, 0.05).with(func(f *Family) { f.Every, f.Apart = 60, 60 }),
		step("0.5 to 2 %, a failure takes 2 s", 0.005, 0.02).with(func(f *Family) {
			f.RPS, f.Slow, f.FailSlow, f.Strict = 50, quick(Classic()), 2, false
		}),
		harm("one route of two breaks (5 % of traffic, 0.5 to 20 %)", func(f *Family) {
			f.Rates, f.Routes = rates(0, 0), mix(func(float64) (float64, float64) { return 0.05, 0.05 }, 0.005)
			f.Routes[0].Canary = 0.2
		}),
		harm("hangs: answers nothing", func(f *Family) { f.Hang = func(float64) float64 { return 1 } }),
		harm(halfHangs, func(f *Family) {
			f.Hang = func(t float64) float64 {
				if t <= 600 {
					return 0
				}
				return 0.5
			}
		}),
		harm("crash loop: each pod once a minute", func(f *Family) { f.Ends = Ends{Stable: 1, Canary: 60, Fails: 0.2} }),
		harm("memory leak, killed each 5 min", func(f *Family) {
			f.Memory, f.Ends = &Memory{Start: 200e6, Sway: 10e6, Leak: 1e6, Limit: 500e6}, Ends{Fails: 0.2}
		}),
		harm("memory leak, nothing happens within the hour", func(f *Family) {
			f.Memory, f.Settings = &Memory{Start: 200e6, Sway: 10e6, Leak: 0.05e6, Limit: 500e6}, judgeMemory
		}),
		harm("orders fall from 5 to 3 %", func(f *Family) { f.Orders, f.Settings = Orders{Stable: 0.05, Canary: 0.03}, judgeOrders }),
		harm("shared state is damaged: both tracks to 5 %", func(f *Family) {
			f.Blind, f.Rates = true, alike(func(t float64) float64 { return 0.005 + 0.045*math.Min(1, math.Max(0, t-60)/300) })
		}),
		slower(tailOnly, Classic(), Drag{Factor: 1, Share: 0.03, Plus: 1}),
		slower(allSlower, Classic(), Drag{Factor: 1.25}),
		slower("native bounds: 3 % of requests +1 s", Exponential(2, 0.02, 5), Drag{Factor: 1, Share: 0.03, Plus: 1}),
		slower("native bounds: all 25 % slower", Exponential(2, 0.02, 5), Drag{Factor: 1.25}),
	})
}

// quick is a latency with p99 at 0.41 s and a limit of 0.5 s.
func quick(bounds []float64) *Speed {
	return &Speed{Median: 0.08, Sigma: 0.7, Bounds: bounds, Limit: nearest(bounds, 0.5)}
}

func nearest(bounds []float64, to float64) float64 {
	for _, b := range bounds {
		if b >= to {
			return b
		}
	}
	return bounds[len(bounds)-1]
}

// storm is 1 in the last minute of every ten.
func storm(t float64) float64 {
	if math.Mod(t, 600) > 540 {
		return 1
	}
	return 0
}

// mix is two routes: one of a share that fails at a rate, and the rest, of which 0.2 % fail.
func mix(share func(t float64) (stable, canary float64), rate float64) []Route {
	rest := func(t float64) (float64, float64) { a, b := share(t); return 1 - a, 1 - b }
	return []Route{{Name: "POST /orders", Share: share, Stable: rate, Canary: rate}, {Name: "GET /", Share: rest, Stable: 0.002, Canary: 0.002}}
}
