package detect

import (
	"fmt"
	"math"
)

// step is a rise that is there from the beginning.
func step(name string, stable, canary float64) Family {
	return plain(name, stable, canary).with(func(f *Family) { f.Good, f.Strict = false, canary >= 3*stable })
}

// bad are families that must be rolled back.
func bad() []Family {
	families := []Family{
		step("0.1 to 0.5 %", 0.001, 0.005),
		step("0.1 to 2 %", 0.001, 0.02),
		step("0.1 to 5 %", 0.001, 0.05),
		step("0.1 to 100 %, 10 rps", 0.001, 1).with(func(f *Family) { f.RPS = 10 }),
		step("0.5 to 1 %", 0.005, 0.01),
		step("0.5 to 2 %", 0.005, 0.02),
		step("0.5 to 2 %, no history", 0.005, 0.02).with(func(f *Family) { f.Past = 0 }),
		step("0.5 to 5 %", 0.005, 0.05),
		step("0.5 to 5 %, buckets exported", 0.005, 0.05).with(func(f *Family) { f.Slow = &Speed{Median: 0.2, Sigma: 0.5, Bounds: Classic()} }),
		step("0.5 to 5 %, canary 1 %", 0.005, 0.05).with(func(f *Family) { f.Weight, f.Canaries = fixed(1), 1 }),
		step("0.5 to 5 %, canary 50 %", 0.005, 0.05).with(func(f *Family) {
			f.Weight, f.Stables, f.Canaries, f.Strict = fixed(50), 10, 10, false
		}),
		step("1 to 5 %", 0.01, 0.05),
		step("1 to 20 %", 0.01, 0.2),
		step("0.5 to 5 %, 1 rps, canary 20 %", 0.005, 0.05).with(func(f *Family) {
			f.RPS, f.Weight, f.Stables, f.Canaries, f.Strict = 1, fixed(20), 4, 1, false
		}),
		step("0.5 to 20 %, 0.2 rps, canary 50 %", 0.005, 0.2).with(func(f *Family) {
			f.RPS, f.Weight, f.Stables, f.Canaries, f.Strict = 0.2, fixed(50), 1, 1, false
		}),
		step("0.5 to 2 %, 1,000 rps", 0.005, 0.02).with(func(f *Family) { f.RPS = 1000 }),
		step("0.5 to 2 %, ramp", 0.005, 0.02).with(func(f *Family) { f.Weight, f.Strict = staircase, false }),
		step("slow leak to 5 % over 20 min", 0, 0).with(func(f *Family) {
			f.Strict, f.Rates = false, func(t float64) (float64, float64) { return 0.005, 0.005 + 0.045*math.Min(1, math.Max(0, t-600)/1200) }
		}),
		step("10 % for 30 s every 5 min", 0, 0).with(func(f *Family) {
			f.Strict = true
			f.Rates = func(t float64) (float64, float64) {
				if math.Mod(t, 300) > 270 {
					return 0.005, 0.1
				}
				return 0.005, 0.005
			}
		}),
		step("one bad pod of five (20 %)", 0.005, 0.005).with(func(f *Family) {
			f.Strict, f.BadPod, f.Stables, f.Canaries, f.RPS = true, 0.2, 45, 5, 250
		}),
		step("doubles, with drift and ramp", 0, 0).with(func(f *Family) {
			f.Strict, f.Weight = false, staircase
			f.Rates = func(t float64) (float64, float64) {
				return drift(t), 2 * drift(t)
			}
		}),
		step("0.5 to 2 %, bursts of 3", 0.005, 0.02).with(func(f *Family) { f.Burst, f.Strict = 3, false }),
		step("0.5 to 2 %, pods differ, CV 0.2", 0.005, 0.02).with(func(f *Family) { f.CV, f.Strict = 0.2, false }),
		step("0.5 to 5 %, looks each 15 s", 0.005, 0.05).with(func(f *Family) { f.Every = 15 }),
		step("0.5 to 2 %, pods replaced", 0.005, 0.02).with(func(f *Family) { f.Restarts = 60 }),
	}
	for _, edge := range [][2]float64{{0.001, 0.0065}, {0.005, 0.0125}, {0.01, 0.02}} {
		name := fmt.Sprintf("on the edge of harm: %.3g to %.4g %%", 100*edge[0], 100*edge[1])
		families = append(families, step(name, edge[0], edge[1]).with(func(f *Family) { f.Strict, f.Edge = false, true }))
	}
	return families
}

func badLatency() []Family {
	timed := func(name string, d Drag) Family {
		return plain(name, 0.005, 0.005).with(func(f *Family) {
			f.Good, f.RPS, f.Slow = false, 50, &Speed{Median: 0.2, Sigma: 0.5, Bounds: Classic(), Limit: 1}
			f.Drag = func(float64) Drag { return d }
		})
	}
	return []Family{
		timed("tail only: 3 % of requests +1 s", Drag{Factor: 1, Share: 0.03, Plus: 1}),
		timed("all 25 % slower", Drag{Factor: 1.25}),
		timed("all twice as slow", Drag{Factor: 2}),
		timed("on the edge of harm: all 1.5 times as slow", Drag{Factor: 1.5}).with(func(f *Family) { f.Edge = true }),
	}
}
