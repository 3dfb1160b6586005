package detect

import "math"

// good are families in which every rollback is false.
func good() []Family {
	same := func(name string, rate float64) Family { return plain(name, rate, rate) }
	drifting := alike(drift)
	outage := alike(func(t float64) float64 {
		if t > 600 && t <= 780 {
			return 0.15
		}
		return 0.005
	})
	return []Family{
		same("same, 0.1 %", 0.001),
		same("same, 0.5 %", 0.005),
		same("same, 0.9 %", 0.009),
		same("same, 1.5 %", 0.015),
		same("same, 0.5 %, no history", 0.005).with(func(f *Family) { f.Past = 0 }),
		same("same, 0.5 %, 1,000 rps", 0.005).with(func(f *Family) { f.RPS = 1000 }),
		same("same, 30 %, canary 50 %", 0.3).with(func(f *Family) { f.Weight, f.Stables, f.Canaries = fixed(50), 5, 5 }),
		same("same, 0.5 %, 0.2 rps, canary 50 %", 0.005).with(func(f *Family) { f.RPS, f.Weight, f.Stables, f.Canaries = 0.2, fixed(50), 1, 1 }),
		same("same, 0.5 %, canary 1 %", 0.005).with(func(f *Family) { f.Weight, f.Canaries = fixed(1), 1 }),
		same("same, drift 0.1 to 1.1 % in a ramp", 0).with(func(f *Family) { f.Weight, f.Rates = staircase, drifting }),
		same("same, drift in a ramp, no history", 0).with(func(f *Family) { f.Weight, f.Rates, f.Past = staircase, drifting, 0 }),
		same("same, drift in a continuous ramp", 0).with(func(f *Family) {
			f.Weight, f.Rates = func(t float64) float64 { return math.Min(50, 1+49*t/1200) }, drifting
		}),
		same("same, shared outage (15 %)", 0).with(func(f *Family) { f.Rates = outage }),
		same("same, 0.5 %, bursts of 3", 0.005).with(func(f *Family) { f.Burst = 3 }),
		same("same, 0.5 %, bursts of 10", 0.005).with(func(f *Family) { f.Burst = 10 }),
		same("same, 0.5 %, bursts of 3 in a ramp", 0.005).with(func(f *Family) { f.Burst, f.Weight = 3, staircase }),
		same("same, 0.5 %, pods differ, CV 0.2", 0.005).with(func(f *Family) { f.CV = 0.2 }),
		same("same, 0.5 %, pods differ, CV 0.5", 0.005).with(func(f *Family) { f.CV = 0.5 }),
		same("same, 2 %, 5 + 1 pods differ, CV 0.5", 0.02).with(func(f *Family) { f.CV, f.Stables, f.Canaries, f.Weight = 0.5, 5, 1, fixed(20) }),
		same("same, 0.5 %, gaps and resets", 0.005).with(func(f *Family) { f.Gaps, f.Lost = 0.1, 0.05 }),
		same("same, 0.5 %, pods replaced", 0.005).with(func(f *Family) { f.Restarts = 60 }),
		same("same, 0.5 %, looks each 60 s", 0.005).with(func(f *Family) { f.Every, f.Apart = 60, 60 }),
		same("same, 0.5 %, looks each 1 s", 0.005).with(func(f *Family) { f.Every, f.Apart, f.For = 1, 5, 1800 }),
		same("at the tolerance: 0.5 to 0.57 %", 0.005).with(func(f *Family) { f.Rates = rates(0.005, 0.005*1.1+0.0002) }),
		same("same, 0.5 %, sticky users: 1.8 times the share, and ever less", 0.005).with(func(f *Family) {
			f.Stray = func(t float64) float64 { return 1 + 0.8*math.Exp(-t/600) }
		}),
		same("same, 0.5 %, the share sways by 30 %", 0.005).with(func(f *Family) {
			f.Stray = func(t float64) float64 { return 1 + 0.3*math.Sin(t/200) }
		}),
		same("same, 0.5 %, from 25 back to 10 %, the router lags by a minute", 0.005).with(func(f *Family) {
			f.Lag, f.Weight = 60, func(t float64) float64 {
				if t <= 900 {
					return 25
				}
				return 10
			}
		}),
		same("same, 0.5 %, 300 sticky users, canary 20 %", 0.005).with(func(f *Family) { f.Users, f.Weight = 300, fixed(20) }),
		same("same, 0.5 %, one of two canary pods cannot be read for a while", 0.005).with(func(f *Family) {
			f.Hidden = func(t float64) bool { return t > 900 && t <= 1800 }
		}),
		same("no traffic", 0.005).with(func(f *Family) { f.RPS = 0 }),
	}
}

// drift goes from 0.1 to 1.1 % in twenty minutes.
func drift(t float64) float64 { return 0.001 + 0.01*math.Min(1, t/1200) }

func goodLatency() []Family {
	timed := func(name string) Family {
		return plain(name, 0.005, 0.005).with(func(f *Family) {
			f.RPS, f.Slow = 50, &Speed{Median: 0.2, Sigma: 0.5, Bounds: Classic(), Limit: 1}
		})
	}
	return []Family{
		timed("same latency"),
		timed("same latency, no history").with(func(f *Family) { f.Past = 0 }),
		timed("pods stall, no history").with(func(f *Family) { f.Past, f.Stalls = 0, 0.02 }),
		timed("pods stall, 1 s looks, canary 50 %, no history").with(func(f *Family) {
			f.RPS, f.Every, f.For, f.Past, f.Stalls, f.Stables, f.Canaries, f.Weight = 100, 1, 900, 0, 0.01, 2, 1, fixed(50)
		}),
		timed("same latency, fine bounds, 30 s looks").with(func(f *Family) {
			f.Every, f.Apart = 30, 30
			f.Slow.Bounds = []float64{0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3}
		}),
		timed("latency and failures grow together").with(func(f *Family) {
			f.Drift = func(t float64) float64 { return 1 + 2*math.Max(0, math.Sin(t/200)) }
			f.Rates = alike(func(t float64) float64 { return 0.005 + 0.03*math.Max(0, math.Sin(t/200)) })
			f.Weight = staircase
		}),
		timed("8 % slower, tolerated").with(func(f *Family) { f.Drag = func(float64) Drag { return Drag{Factor: 1.08} } }),
		timed("twice as slow for 20 s, then the same").with(func(f *Family) {
			f.Drag = func(t float64) Drag {
				if t <= 20 {
					return Drag{Factor: 2}
				}
				return Drag{Factor: 1}
			}
		}),
	}
}
