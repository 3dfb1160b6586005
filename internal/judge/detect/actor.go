package detect

import (
	"math"
	"math/rand/v2"

	"serin.dev/serin/internal/judge"
)

// An actor is one pod: its lasting differences, what gaps have left to be scraped later, and what it draws with.
type actor struct {
	name    string
	factor  float64 // on failures
	slow    float64 // on latency
	share   float64 // of the track's requests
	held    float64 // bytes of memory
	sway    float64
	owed    judge.Tally
	arrive  urn
	rare    urn // failures, or their bursts
	hung    urn
	failing coin
	timed   []urn  // by bucket
	kinds   []kind // by route
	buckets []int64
}

// A kind is what a pod draws a route's requests with.
type kind struct {
	arrive  urn
	failing coin
}

// A turn is what a track does during a look.
type turn struct {
	t, seconds, volume float64
	rate               float64 // failures per request
	usual              float64 // of stable, where the arm is the canary
	hung               float64 // share of requests that are never answered
	drag               Drag
	canary             bool
}

var plainly = Drag{Factor: 1}

// act lets the pods of a track serve their requests. Of the canary it returns the truth as well: Gain is how much more
// likely the outcome is under the canary's than under stable's distribution.
func (s *Stage) act(m *arm, now turn) Scene {
	f, truth := s.f, Scene{}
	m.total.N, m.total.X = 0, 0
	clear(m.total.Buckets)
	for i := range m.actors {
		a, mine := &m.actors[i], now
		if now.canary && i == 0 && f.BadPod > 0 {
			mine.rate = f.BadPod
		}
		mine.volume *= a.share
		tally := s.serve(a, m.dice, mine, &truth)
		if f.Gaps > 0 {
			merge(&tally, &a.owed)
			a.owed = judge.Tally{}
		}
		if f.Lost > 0 && m.dice.Float64() < f.Lost/float64(len(m.actors)) {
			tally = judge.Tally{Bounds: tally.Bounds, Buckets: make([]int64, len(tally.Bounds))}
		}
		m.total.add(&tally)
		if m.pods != nil {
			m.pods[a.name] = tally
		}
	}
	return truth
}

func merge(t, b *judge.Tally) {
	t.Requests, t.Failures, t.Restarts = t.Requests+b.Requests, t.Failures+b.Failures, t.Restarts+b.Restarts
	for i := range b.Buckets {
		t.Buckets[i] += b.Buckets[i]
	}
	for name, kind := range b.Strata {
		kind.Requests, kind.Failures = kind.Requests+t.Strata[name].Requests, kind.Failures+t.Strata[name].Failures
		t.Strata[name] = kind
	}
	for name, sum := range b.Sums {
		t.Sums[name] = judge.Sum{N: sum.N + t.Sums[name].N, Total: sum.Total + t.Sums[name].Total}
	}
}

func (t *Total) add(b *judge.Tally) {
	t.N, t.X = t.N+float64(b.Requests), t.X+float64(b.Failures)
	for i, n := range b.Buckets {
		t.Buckets[i] += float64(n)
	}
}

// serve lets one pod answer its requests.
func (s *Stage) serve(a *actor, dice *rand.Rand, now turn, truth *Scene) (t judge.Tally) {
	f := s.f
	if now.canary && f.Hang != nil {
		s.hang(a, dice, &now, truth)
	}
	switch {
	case f.Routes != nil:
		s.route(&t, a, dice, now, truth)
	case f.Slow != nil:
		s.time(&t, a, dice, now, truth)
	case f.Burst > 0:
		t.Requests = a.arrive.draw(now.volume, dice)
		t.Failures = s.bursts(a, dice, t.Requests, math.Min(1, now.rate*a.factor))
	default: // of Poisson arrivals, those that fail and the others are independent Poisson counts
		failing := math.Min(1, now.rate*a.factor)
		t.Failures = a.rare.draw(now.volume*failing, dice)
		t.Requests = t.Failures + a.arrive.draw(now.volume*(1-failing), dice)
	}
	if now.canary {
		truth.Served += float64(t.Requests)
		truth.Extra += float64(t.Requests) * (now.rate - now.usual)
		truth.Gain += ratio(float64(t.Requests), float64(t.Failures), now.rate, now.usual)
		if t.Requests > 0 {
			truth.Gain += float64(t.Requests) * math.Log1p(-now.hung)
		}
	}
	if f.Ends != (Ends{}) || f.Memory != nil {
		s.live(&t, a, dice, now, truth)
	}
	if f.Orders != (Orders{}) {
		s.order(&t, dice, now, truth)
	}
	return t
}

// hang swallows a share of the requests before they are answered.
func (s *Stage) hang(a *actor, dice *rand.Rand, now *turn, truth *Scene) {
	now.hung = s.f.Hang(now.t)
	lost := a.hung.draw(now.volume*now.hung, dice)
	truth.Served += float64(lost)
	truth.Extra += float64(lost)
	truth.Gain += now.volume * now.hung // of a Poisson count whose mean falls; serve adds what the count itself says
	now.volume *= 1 - now.hung
}

// route draws the requests of every route. How traffic is divided says nothing about the version.
func (s *Stage) route(t *judge.Tally, a *actor, dice *rand.Rand, now turn, truth *Scene) {
	if a.kinds == nil {
		a.kinds = make([]kind, len(s.f.Routes))
	}
	t.Strata = make(map[string]judge.Tally, len(s.f.Routes))
	for i, r := range s.f.Routes {
		stable, canary := r.Share(now.t)
		share, rate := stable, r.Stable
		if now.canary {
			share, rate = canary, r.Canary
		}
		n := a.kinds[i].arrive.draw(now.volume*share, dice)
		x := a.kinds[i].failing.toss(n, rate, dice)
		t.Strata[r.Name] = judge.Tally{Requests: n, Failures: x}
		t.Requests, t.Failures = t.Requests+n, t.Failures+x
		if now.canary {
			truth.Extra += float64(n) * (r.Canary - r.Stable)
			truth.Gain += ratio(float64(n), float64(x), r.Canary, r.Stable)
		}
	}
}

// live lets the pod hold memory, and end.
func (s *Stage) live(t *judge.Tally, a *actor, dice *rand.Rand, now turn, truth *Scene) {
	hourly := s.f.Ends.Stable
	if now.canary {
		hourly = s.f.Ends.Canary
	}
	ended := dice.Float64() < hourly*now.seconds/3600
	if m := s.f.Memory; m != nil {
		const keeps = 0.95 // of the last look's deviation
		a.sway = keeps*a.sway + math.Sqrt(1-keeps*keeps)*m.Sway*dice.NormFloat64()
		if now.canary {
			a.held += m.Leak * now.seconds
		}
		if full := a.held > m.Limit; full {
			a.held, ended = m.Start, true
		}
		t.Gauges = map[string]float64{"memory": a.held + a.sway}
	}
	if now.canary && s.f.Ends.Canary != s.f.Ends.Stable {
		truth.Gain -= (s.f.Ends.Canary - s.f.Ends.Stable) * now.seconds / 3600
	}
	if !ended {
		return
	}
	t.Restarts = 1
	more := a.failing.toss(t.Requests-t.Failures, s.f.Ends.Fails, dice)
	t.Failures += more
	if now.canary {
		truth.Gain += math.Log(math.Max(s.f.Ends.Canary, 1) / math.Max(s.f.Ends.Stable, 1e-3))
		truth.Extra += float64(more)
	}
}

func (s *Stage) order(t *judge.Tally, dice *rand.Rand, now turn, truth *Scene) {
	o, chance := s.f.Orders, s.f.Orders.Stable
	if now.canary {
		chance = o.Canary
	}
	x := new(coin).toss(t.Requests, chance, dice)
	t.Sums = map[string]judge.Sum{"orders": {N: t.Requests, Total: float64(x)}}
	if now.canary {
		truth.Gain += ratio(float64(t.Requests), float64(x), o.Canary, o.Stable)
	}
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
