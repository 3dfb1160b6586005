package detect

import (
	"math"
	"math/rand/v2"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

// A Scene is one look with the truth behind it.
type Scene struct {
	Look   judge.Look
	Served float64 // requests the canary served in the interval, scraped or not
	Gain   float64 // log likelihood ratio of what the canary did, its own truth against stable's
}

// A Stage makes the looks of one release.
type Stage struct {
	f        *Family
	dice     *rand.Rand
	stable   []actor
	canary   []actor
	replaced int
	curves   map[Drag][]float64
}

// An actor is one pod: its name, its lasting difference, and what gaps have left to be scraped later.
type actor struct {
	name   string
	factor float64
	slow   float64
	owed   judge.Tally
}

// NewStage begins release number n of a family.
func NewStage(f *Family, seed, n uint64) *Stage {
	s := &Stage{f: f, dice: rand.New(rand.NewPCG(seed, n))}
	s.stable, s.canary = s.cast("stable-", f.Stables), s.cast("canary-", f.Canaries)
	return s
}

func (s *Stage) cast(prefix string, k int) []actor {
	actors := make([]actor, k)
	for i := range actors {
		actors[i] = actor{name: prefix + strconv.Itoa(i), factor: 1, slow: 1}
		if s.f.CV > 0 {
			shape := 1 / (s.f.CV * s.f.CV)
			actors[i].factor = distuv.Gamma{Alpha: shape, Beta: shape, Src: s.dice}.Rand()
		}
		if s.f.SlowCV > 0 {
			actors[i].slow = math.Round(100*math.Exp(s.f.SlowCV*s.dice.NormFloat64())) / 100
		}
	}
	return actors
}

// Past calls tell with every look of history.
func (s *Stage) Past(tell func(judge.Look)) {
	for t := -s.f.Past + s.f.Apart; t <= 0 && s.f.Past > 0; t += s.f.Apart {
		look := judge.Look{T: t, Tracks: map[plan.TrackName]judge.Counts{}}
		stable, _ := s.f.Rates(0)
		look.Tracks[plan.Stable], _, _ = s.act(s.stable, s.f.RPS*s.f.Apart, stable, nil, t)
		tell(look)
	}
}

// Next makes the look that ends at t.
func (s *Stage) Next(t float64) Scene {
	f := s.f
	weight, volume := f.Weight(t), f.RPS*f.Every
	if f.Busy != nil {
		volume *= f.Busy(t)
	}
	s.restart(t)
	stable, canary := f.Rates(t)
	drag := Drag{Factor: 1}
	if f.Drag != nil {
		drag = f.Drag(t)
	}
	look := judge.Look{T: t, Weight: weight, Tracks: map[plan.TrackName]judge.Counts{}}
	truth := truth{stable: stable, canary: canary, drag: drag}
	look.Tracks[plan.Stable], _, _ = s.act(s.stable, volume*(1-weight/100), stable, nil, t)
	counts, served, gain := s.act(s.canary, volume*weight/100, canary, &truth, t)
	look.Tracks[plan.Canary] = counts
	if f.Gaps > 0 && s.dice.Float64() < f.Gaps {
		s.owe(look)
		look.Tracks, look.Gap = nil, true
	}
	return Scene{Look: look, Served: served, Gain: gain}
}

// owe keeps the counts of a gap: counters go on, and the next scrape shows them.
func (s *Stage) owe(l judge.Look) {
	for i := range s.stable {
		s.stable[i].owed = l.Tracks[plan.Stable].Pods[s.stable[i].name]
	}
	for i := range s.canary {
		s.canary[i].owed = l.Tracks[plan.Canary].Pods[s.canary[i].name]
	}
}

func (s *Stage) restart(t float64) {
	if s.f.Restarts == 0 || math.Floor(t/s.f.Restarts) == math.Floor((t-s.f.Every)/s.f.Restarts) {
		return
	}
	s.replaced++
	s.stable[s.replaced%len(s.stable)].name = "stable-again-" + strconv.Itoa(s.replaced)
	s.canary[s.replaced%len(s.canary)].name = "canary-again-" + strconv.Itoa(s.replaced)
}

// truth is what the oracle knows.
type truth struct {
	stable, canary float64
	drag           Drag
}

// act lets the pods of a track serve a volume of requests. With the truth it also returns how much more likely the outcome
// is under the canary's than under stable's distribution.
func (s *Stage) act(actors []actor, volume, rate float64, known *truth, t float64) (judge.Counts, float64, float64) {
	pods := make(map[string]judge.Tally, len(actors))
	served, gain := 0.0, 0.0
	for i := range actors {
		a := &actors[i]
		n := s.poisson(volume / float64(len(actors)))
		p := rate
		if known != nil && i == 0 && s.f.BadPod > 0 {
			p = s.f.BadPod
		}
		x := s.failures(n, math.Min(1, p*a.factor))
		tally := judge.Tally{Requests: n, Failures: x}
		served += float64(n)
		if known != nil {
			gain += ratio(float64(n), float64(x), p, known.stable)
		}
		if s.f.Slow != nil {
			usual := Drag{Factor: a.slow}
			if s.f.Stalls > 0 && s.dice.Float64() < s.f.Stalls {
				usual.Share, usual.Plus = 0.5, 9*s.f.Slow.Median
			}
			drag := usual
			if known != nil && known.drag != (Drag{Factor: 1}) {
				drag = known.drag
				drag.Factor *= a.slow
			}
			var more float64
			tally.Bounds = s.f.Slow.Bounds
			tally.Buckets, more = s.buckets(n, drag, usual, t)
			gain += more
		}
		pods[a.name] = merge(tally, a.owed)
		a.owed = judge.Tally{}
		if s.f.Lost > 0 && s.dice.Float64() < s.f.Lost/float64(len(actors)) {
			pods[a.name] = judge.Tally{Bounds: tally.Bounds, Buckets: make([]int64, len(tally.Bounds))}
		}
	}
	return judge.Counts{Pods: pods}, served, gain
}

func merge(a, b judge.Tally) judge.Tally {
	a.Requests, a.Failures = a.Requests+b.Requests, a.Failures+b.Failures
	for i := range b.Buckets {
		a.Buckets[i] += b.Buckets[i]
	}
	return a
}

// ratio is the log likelihood of x of n under p against q.
func ratio(n, x, p, q float64) float64 {
	if p == q {
		return 0
	}
	log := 0.0
	if x > 0 {
		log += x * math.Log(p/math.Max(q, 1e-12))
	}
	if n > x {
		log += (n - x) * math.Log(math.Max(1-p, 1e-12)/(1-q))
	}
	return log
}
