package detect

import (
	"math"
	"math/rand/v2"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

// A Scene is one look with the truth behind it. It is good until the next one: its maps are used again.
type Scene struct {
	Look                     judge.Look
	Stable, Canary, Baseline Total   // as scraped; the baseline is stable's version with the canary's traffic, for those who want one
	Served                   float64 // requests the canary was sent in the interval, scraped or not
	Extra                    float64 // failures of these beyond what stable's rate makes, expected
	Gain                     float64 // log likelihood ratio of what the canary did, its own truth against stable's
}

// A Total is what a track answered in a look.
type Total struct {
	N, X    float64
	Buckets []float64 // cumulative
}

// A Stage makes the looks of one release.
type Stage struct {
	f        *Family
	dice     *rand.Rand
	stable   arm
	canary   arm
	baseline arm
	tracks   map[plan.TrackName]judge.Counts
	replaced int
	curves   map[Drag][]float64
	drag     Drag // asked for last, and its curve
	shares   []float64
	users    []bool // who sticks to the canary
}

// An arm is the pods of a track.
type arm struct {
	actors []actor
	pods   map[string]judge.Tally // nil: only the total is asked for
	total  Total
	dice   *rand.Rand
}

// NewStage begins release number n of a family. The baseline has dice of its own, so that it changes nothing for the others.
func NewStage(f *Family, seed, n uint64) *Stage {
	s := &Stage{f: f, dice: rand.New(rand.NewPCG(seed, n)), tracks: map[plan.TrackName]judge.Counts{}}
	s.stable = s.cast("stable-", f.Stables, s.dice)
	s.canary = s.cast("canary-", f.Canaries, s.dice)
	s.baseline = s.cast("baseline-", f.Canaries, rand.New(rand.NewPCG(seed, ^n)))
	s.baseline.pods = nil // it is in no look
	return s
}

func (s *Stage) cast(prefix string, k int, dice *rand.Rand) arm {
	actors, all := make([]actor, k), 0.0
	for i := range actors {
		a := &actors[i]
		*a = actor{name: prefix + strconv.Itoa(i), factor: 1, slow: 1, share: 1}
		if s.f.CV > 0 {
			shape := 1 / (s.f.CV * s.f.CV)
			a.factor = distuv.Gamma{Alpha: shape, Beta: shape, Src: dice}.Rand()
		}
		if s.f.SlowCV > 0 {
			a.slow = math.Round(100*math.Exp(s.f.SlowCV*dice.NormFloat64())) / 100
		}
		if s.f.Skew > 0 && k > 1 {
			a.share = math.Pow(s.f.Skew, float64(i)/float64(k-1))
		}
		if s.f.Memory != nil {
			a.held = s.f.Memory.Start
		}
		all += a.share
	}
	for i := range actors {
		actors[i].share /= all
	}
	total := Total{}
	if s.f.Slow != nil {
		total.Buckets = make([]float64, len(s.f.Slow.Bounds))
	}
	return arm{actors: actors, pods: make(map[string]judge.Tally, k), total: total, dice: dice}
}

// Past tells every look of history.
func (s *Stage) Past(tell func(judge.Look) bool) {
	for t := -s.f.Past + s.f.Apart; t <= 0 && s.f.Past > 0; t += s.f.Apart {
		stable, _ := s.f.Rates(0)
		s.act(&s.stable, turn{t: t, seconds: s.f.Apart, volume: s.f.RPS * s.f.Apart, rate: stable, drag: plainly})
		clear(s.tracks)
		s.tracks[plan.Stable] = judge.Counts{Pods: s.stable.pods}
		if !tell(judge.Look{T: t, Tracks: s.tracks}) {
			return
		}
	}
}

// Next makes the look that ends at t.
func (s *Stage) Next(t float64) Scene {
	f := s.f
	volume := f.RPS * f.Every
	if f.Busy != nil {
		volume *= f.Busy(t)
	}
	s.restart(t)
	routed := s.deal(f.routed(t))
	stable, canary := f.Rates(t)
	there := turn{t: t, seconds: f.Every, volume: volume * (1 - routed), rate: stable, drag: plainly}
	here := turn{t: t, seconds: f.Every, volume: volume * routed, rate: canary, usual: stable, drag: plainly, canary: true}
	if f.Drag != nil {
		here.drag = f.Drag(t)
	}
	s.act(&s.stable, there)
	scene := s.act(&s.canary, here)
	there.volume = here.volume
	s.act(&s.baseline, there)
	scene.Look = judge.Look{T: t, Weight: f.Weight(t)}
	if f.Gaps > 0 && s.dice.Float64() < f.Gaps {
		scene.Look.Gap = true
		s.stable.owe()
		s.canary.owe()
	} else {
		clear(s.tracks)
		s.tracks[plan.Stable], s.tracks[plan.Canary] = judge.Counts{Pods: s.stable.pods}, judge.Counts{Pods: s.canary.pods}
		scene.Look.Tracks = s.tracks
	}
	if f.Hidden != nil && f.Hidden(t) {
		delete(s.canary.pods, s.canary.actors[0].name)
	}
	scene.Stable, scene.Canary, scene.Baseline = s.stable.total, s.canary.total, s.baseline.total
	return scene
}

// routed is the share of requests that really go to the canary.
func (f *Family) routed(t float64) float64 {
	share := f.Weight(math.Max(t-f.Lag, f.Every)) / 100
	stick := f.Stick
	if stick == 0 {
		stick = 1
	}
	if f.Stray != nil {
		stick *= f.Stray(t)
	}
	return share * stick / (1 - share + share*stick)
}

// staying is how long a user sticks to a track, on average.
const staying = 300.0

// deal is the share of requests the canary gets: that is dealt, or that its users make.
func (s *Stage) deal(share float64) float64 {
	if s.f.Users == 0 {
		return share
	}
	for len(s.users) < s.f.Users {
		s.users = append(s.users, s.dice.Float64() < share)
	}
	here := 0
	for i := range s.users {
		if s.dice.Float64() < s.f.Every/staying {
			s.users[i] = s.dice.Float64() < share
		}
		if s.users[i] {
			here++
		}
	}
	return float64(here) / float64(s.f.Users)
}

// owe keeps the counts of a gap: counters go on, and the next scrape shows them.
func (m *arm) owe() {
	for i := range m.actors {
		a := &m.actors[i]
		a.owed = m.pods[a.name]
		a.owed.Buckets = append([]int64(nil), a.owed.Buckets...)
	}
	m.total.N, m.total.X = 0, 0
	clear(m.total.Buckets)
}

func (s *Stage) restart(t float64) {
	if s.f.Restarts == 0 || math.Floor(t/s.f.Restarts) == math.Floor((t-s.f.Every)/s.f.Restarts) {
		return
	}
	s.replaced++
	s.stable.rename(s.replaced, "stable-again-")
	s.canary.rename(s.replaced, "canary-again-")
}

func (m *arm) rename(n int, prefix string) {
	a := &m.actors[n%len(m.actors)]
	delete(m.pods, a.name)
	a.name = prefix + strconv.Itoa(n)
}
