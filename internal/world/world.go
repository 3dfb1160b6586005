package world

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"serin.dev/serin/internal/plan"
)

// Began is when every world begins.
var began = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// A Truth is how a revision really behaves; only the world knows it.
type Truth struct {
	Failure    float64       // probability that a request fails
	Latency    time.Duration // median of the answers; 0: 40 ms
	Tail       float64       // probability that an answer takes a second longer
	StartsIn   time.Duration // until a new replica is ready; 0: 2 s
	NeverReady bool          // replicas run and never become ready
	CrashEvery time.Duration // mean time between crashes of a replica; 0: never
	Bears      time.Duration // how long requests under way last; 0: 500 ms
}

// Weather is what goes wrong around the release. Probabilities are per call.
type Weather struct {
	CallFails    float64       // Observe, Apply, Read and Tell return an error and do nothing
	ApplyHidden  float64       // Apply works, and returns an error all the same
	ScrapeGap    float64       // a track is missing from a snapshot
	CounterReset float64       // an instance's counters start again, per second and instance
	RouteLag     time.Duration // until the data plane follows the router
	PodLoss      float64       // a ready replica dies, per second and replica
}

// A World holds the targets of one simulation. It is not safe for concurrent use: simulations are single-threaded, so that
// a seed is a story.
type World struct {
	// RouteRemembers: the route keeps on record since when it does what it does, as objects of a cluster do.
	RouteRemembers bool
	Weather        Weather
	Rate           float64 // requests per second to every target
	Truths         map[plan.Revision]Truth

	now     time.Time
	skew    time.Duration
	dice    *rand.Rand
	targets map[string]*target
	told    map[string]int
	broken  []string
	// Sent, Failed and Lost count requests: all, those a revision failed itself, and those nobody could answer.
	Sent, Failed, Lost int64
	Canary             int64 // requests that met the revision being released, as Released says
	Released           plan.Revision
}

// A target is one thing that is released.
type target struct {
	name      string
	instances []*instance
	born      int
	order     map[plan.PoolName]poolOrder
	route     route
}

// New returns a world with no targets, in calm weather.
func New(seed uint64) *World {
	return &World{
		Rate: 100, Truths: map[plan.Revision]Truth{},
		now: began, dice: rand.New(rand.NewPCG(seed, 0x5e71)),
		targets: map[string]*target{}, told: map[string]int{},
	}
}

// Now is what the clocks in the world show.
func (w *World) Now() time.Time { return w.now.Add(w.skew) }

// Jump sets the clocks of the world forward, or back. Everything in it goes on as it was.
func (w *World) Jump(d time.Duration) { w.skew += d }

// tick is the grain of simulated time.
const tick = 200 * time.Millisecond

// Pass lets time go by.
func (w *World) Pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		step := min(tick, end.Sub(w.now))
		w.now = w.now.Add(step)
		for _, name := range slices.Sorted(maps.Keys(w.targets)) {
			t := w.targets[name]
			w.live(t, step)
			w.follow(t)
			w.serve(t, step)
		}
	}
}

// Broken lists what was done that must never be done.
func (w *World) Broken() []string { return w.broken }

func (w *World) breaks(format string, args ...any) {
	if len(w.broken) < 20 {
		w.broken = append(w.broken, w.now.Format("15:04:05.0 ")+fmt.Sprintf(format, args...))
	}
}

func (w *World) target(name string) *target {
	t, ok := w.targets[name]
	if !ok {
		t = &target{name: name, order: map[plan.PoolName]poolOrder{}}
		w.targets[name] = t
	}
	return t
}

func (w *World) truth(r plan.Revision) Truth {
	t := w.Truths[r]
	if t.Latency == 0 {
		t.Latency = 40 * time.Millisecond
	}
	if t.StartsIn == 0 {
		t.StartsIn = 2 * time.Second
	}
	if t.Bears == 0 {
		t.Bears = 500 * time.Millisecond
	}
	return t
}

// happens rolls the dice for something of the given probability.
func (w *World) happens(p float64) bool { return p > 0 && w.dice.Float64() < p }

// fails rolls the dice for a call.
func (w *World) fails(what string) error {
	if w.happens(w.Weather.CallFails) {
		return fmt.Errorf("%s: simulated fault", what)
	}
	return nil
}
