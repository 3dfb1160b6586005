package detect

import "math"

// A Family is one kind of release with known truth.
type Family struct {
	Name   string
	Good   bool    // to be promoted; otherwise to be rolled back
	Blind  bool    // a bad family whose harm both tracks share: no comparison can show it, and what counts is that it is not promoted
	Strict bool    // a bad family in which the oracle is a fair match: a rise of at least three times, canary share at most a tenth
	Edge   bool    // bad on the very edge of the harmful set: leave to promote it is false, and may be given to one in twenty
	Unseen bool    // written after the judge's constants were chosen: the validation set
	RPS    float64 // requests per second of both tracks
	Every  float64 // seconds between looks
	For    float64 // seconds
	Past   float64 // seconds of history before
	Apart  float64 // seconds between looks of history

	Stables, Canaries int

	Weight func(t float64) float64                  // per cent
	Lag    float64                                  // seconds until the router does what the weight says
	Stick  float64                                  // odds of the canary as routed over those of the weight; 0: as they are
	Stray  func(t float64) float64                  // factor on these odds that changes with time; nil: none
	Users  int                                      // so many users make all requests and stick to a track for some minutes; 0: requests are dealt one by one
	Hidden func(t float64) bool                     // when the counters of the first canary pod cannot be read; nil: never
	Skew   float64                                  // requests of a track's busiest pod over those of its quietest; 0: equal
	Rates  func(t float64) (stable, canary float64) // failures per request
	BadPod float64                                  // failures per request of the first canary pod, where it differs
	Burst  float64                                  // mean size of geometric bursts of failures; 0: independent
	CV     float64                                  // of lasting differences between the pods' failure rates
	Busy   func(t float64) float64                  // factor on RPS
	Hang   func(t float64) float64                  // share of the canary's requests that are never answered
	Routes []Route                                  // kinds of requests, told apart in the looks; nil: one kind, with Rates
	Orders Orders                                   // a business metric
	Ends   Ends                                     // restarts nobody asked for
	Memory *Memory                                  // a gauge; nil: none

	Slow     *Speed                  // latencies; nil: no buckets
	Drag     func(t float64) Drag    // what the canary does to them
	Drift    func(t float64) float64 // factor on the latency of both tracks
	FailSlow float64                 // seconds a failed request takes; 0: as long as any

	SlowCV   float64 // of lasting differences between the pods' latencies
	Stalls   float64 // share of looks in which a pod stalls and half of its requests take ten times as long
	Gaps     float64 // share of looks that are not scraped
	Lost     float64 // share of looks in which one pod's counter was reset
	Restarts float64 // seconds between replacements of one stable and one canary pod; 0: never

	Settings string // what the judge is told beside its defaults, as in the `judge:` block
}

// A Route is one kind of request: its share of each track's traffic, and how it fails there.
type Route struct {
	Name           string
	Share          func(t float64) (stable, canary float64)
	Stable, Canary float64
}

// Orders is the chance that a request ends in an order; 0: nobody counts.
type Orders struct{ Stable, Canary float64 }

// Ends are crashes of a pod per hour, and the share of its requests that each fails in the look it happens in.
type Ends struct{ Stable, Canary, Fails float64 }

// A Memory is what each pod holds, in bytes: it sways around Start, and on the canary it grows until the pod is killed at Limit.
type Memory struct{ Start, Sway, Leak, Limit float64 }

// A Speed is a lognormal latency, read through bucket bounds. Limit is what p99 is asked to stay below by rules that know
// limits only: it is chosen with care, well above p99 and below any harm.
type Speed struct {
	Median float64
	Sigma  float64
	Bounds []float64
	Limit  float64
}

// A Drag is what the canary adds: all requests slower by a factor, and a share slower by some seconds.
type Drag struct {
	Factor float64
	Share  float64
	Plus   float64
}

// Classic are the default bounds of Prometheus clients, in seconds.
func Classic() []float64 { return []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10} }

// Exponential are the bounds of a native histogram of a schema: 2^schema to each doubling.
func Exponential(schema int, from, to float64) (bounds []float64) {
	per := math.Exp2(float64(schema))
	for i := math.Ceil(math.Log2(from) * per); i <= math.Log2(to)*per; i++ {
		bounds = append(bounds, math.Exp2(i/per))
	}
	return bounds
}

func fixed(weight float64) func(float64) float64 { return func(float64) float64 { return weight } }

// staircase goes 5, 10, 25, 50 %, five minutes each.
func staircase(t float64) float64 {
	steps := [...]float64{5, 10, 25, 50}
	return steps[min(int(max(t-1e-9, 0)/300), len(steps)-1)]
}

func rates(stable, canary float64) func(float64) (float64, float64) {
	return func(float64) (float64, float64) { return stable, canary }
}

// alike makes rates of both tracks of one.
func alike(rate func(t float64) float64) func(float64) (float64, float64) {
	return func(t float64) (float64, float64) { p := rate(t); return p, p }
}

// steady reports whether the family is a rise that is there from the beginning and stays, of independent failures on pods
// that are alike: what Rates says at any time is the whole truth.
func (f *Family) steady() bool { return !f.Good && !f.Blind && f.simple() }

// simple reports whether failures are independent, at rates that stay, and all there is to tell tracks apart.
func (f *Family) simple() bool {
	return f.BadPod == 0 && f.Burst == 0 && f.CV == 0 && f.Drag == nil && f.Hang == nil && f.Routes == nil &&
		f.Orders == Orders{} && f.Ends == Ends{} && f.Memory == nil && f.constant()
}

// ordinary reports whether the family is a good release as most are: ten canary requests a second, looks each 5 s, nothing odd.
func (f *Family) ordinary() bool {
	stable, canary := f.Rates(0)
	return f.Good && f.simple() && stable == canary && f.Slow == nil && f.Every == 5 && f.Past > 0 && f.Busy == nil &&
		f.Gaps == 0 && f.Restarts == 0 && f.Stick == 0 && f.Stray == nil && f.Users == 0 && f.Hidden == nil && f.Skew == 0 && f.RPS*f.Weight(f.Every) == 1000 && f.small()
}

func (f *Family) constant() bool {
	p, q := f.Rates(1)
	for t := 10.0; t < f.For; t += 10 {
		if a, b := f.Rates(t); a != p || b != q {
			return false
		}
	}
	return true
}

// rise is how many times the failures of stable the canary's are, half an hour into the release.
func (f *Family) rise() float64 {
	stable, canary := f.Rates(1800)
	return canary / stable
}

// small reports whether the canary never gets more than a tenth of the traffic.
func (f *Family) small() bool {
	for t := f.Every; t <= f.For; t += f.Every {
		if f.Weight(t) > 10 {
			return false
		}
	}
	return true
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

// Families are all of them, good ones first, the tuning set before the validation set.
func Families() []Family {
	var all []Family
	for _, f := range [][]Family{good(), goodLatency(), unseenGood(), bad(), badLatency(), unseenBad()} {
		all = append(all, f...)
	}
	return all
}
