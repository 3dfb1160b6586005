package detect

// A Family is one kind of release with known truth.
type Family struct {
	Name   string
	Good   bool    // to be promoted; otherwise to be rolled back
	Strict bool    // a bad family that counts for the bar: rises of at least three times, canary share at most a tenth
	RPS    float64 // requests per second of both tracks
	Every  float64 // seconds between looks
	For    float64 // seconds
	Past   float64 // seconds of history before
	Apart  float64 // seconds between looks of history

	Stables, Canaries int

	Weight func(t float64) float64                  // per cent
	Rates  func(t float64) (stable, canary float64) // failures per request
	BadPod float64                                  // failures per request of the first canary pod, where it differs
	Burst  float64                                  // mean size of geometric bursts of failures; 0: independent
	CV     float64                                  // of lasting differences between the pods' failure rates
	Busy   func(t float64) float64                  // factor on RPS

	Slow  *Speed                  // latencies; nil: no buckets
	Drag  func(t float64) Drag    // what the canary does to them
	Drift func(t float64) float64 // factor on the latency of both tracks

	SlowCV   float64 // of lasting differences between the pods' latencies
	Stalls   float64 // share of looks in which a pod stalls and half of its requests take ten times as long
	Gaps     float64 // share of looks that are not scraped
	Lost     float64 // share of looks in which one pod's counter was reset
	Restarts float64 // seconds between replacements of one stable and one canary pod; 0: never
}

// A Speed is a lognormal latency, read through bucket bounds.
type Speed struct {
	Median float64
	Sigma  float64
	Bounds []float64
}

// A Drag is what the canary adds: all requests slower by a factor, and a share slower by some seconds.
type Drag struct {
	Factor float64
	Share  float64
	Plus   float64
}

// Classic are the default bounds of Prometheus clients, in seconds.
func Classic() []float64 { return []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10} }

func fixed(weight float64) func(float64) float64 { return func(float64) float64 { return weight } }

// staircase goes 5, 10, 25, 50 %, five minutes each.
func staircase(t float64) float64 {
	steps := [...]float64{5, 10, 25, 50}
	return steps[min(int(max(t-1e-9, 0)/300), len(steps)-1)]
}

func rates(stable, canary float64) func(float64) (float64, float64) {
	return func(float64) (float64, float64) { return stable, canary }
}

// plain is the base of most families: 100 requests a second, 18 stable and 2 canary pods, 10 %, looks each 5 s for an hour.
func plain(name string, stable, canary float64) Family {
	return Family{
		Name: name, Good: stable == canary, RPS: 100, Every: 5, For: 3600, Past: 1800, Apart: 15,
		Stables: 18, Canaries: 2, Weight: fixed(10), Rates: rates(stable, canary),
	}
}

// with changes a copy.
func (f Family) with(change func(*Family)) Family {
	change(&f)
	return f
}
