package sequential

import (
	"math"
	"strings"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/sequential/bet"
	"serin.dev/serin/internal/plan"
)

// missedMost is the number of missed looks in a row after which measuring is said not to work.
const missedMost = 3

// A sight is a look after it was read.
type sight struct {
	t, from, seconds float64
	weight           float64
	canary, stable   *arm
	low, high        float64 // odds between which the weight moved
	moved            bool    // so far that the look is left out
}

// Look weighs one look. The verdict is the caller's: no later look changes it.
func (j *Judge) Look(given judge.State, l judge.Look) (judge.State, plan.Verdict) {
	var v plan.Verdict
	s, _ := j.Weigh(given, l)
	j.Explain(s, &v)
	return s, v
}

// Weigh is the part of Look that decides. In the steady state it takes no memory.
func (j *Judge) Weigh(given judge.State, l judge.Look) (judge.State, plan.Outcome) {
	s := given.(*state)
	s.last = s.weigh(&j.rules, l)
	return s, s.last.outcome
}

// Explain is the verdict on the look that was weighed last. It is written over what v held, in its memory: a caller that keeps
// verdicts hands in a new one each time.
func (j *Judge) Explain(given judge.State, v *plan.Verdict) {
	s := given.(*state)
	v.Outcome, v.Evidence, v.Limit = s.last.outcome, s.last.evidence, j.rules.limit
	s.reckon(&j.rules)
	v.Reason = s.explain(&j.rules)
	v.Metrics = s.findings(&j.rules, s.last, v.Metrics)
}

func (s *state) weigh(r *rules, l judge.Look) answered {
	if problem := s.check(l); problem != "" {
		return s.miss("the look is refused: " + problem)
	}
	_, stable := track(l, plan.Stable)
	_, canary := track(l, plan.Canary)
	history := l.T <= 0
	switch {
	case l.Gap:
		return s.miss("nothing was scraped")
	case !stable && (history || l.Weight < 100):
		return s.miss("stable was not scraped")
	case !canary && !history && l.Weight > 0:
		return s.miss("the canary was not scraped")
	}
	seen := s.read(r, l)
	if !history {
		s.play(r, seen)
	}
	s.learn(r, seen, history)
	return s.decide(r, seen, history)
}

// read sorts a look into arms.
func (s *state) read(r *rules, l judge.Look) sight {
	first := l.T > 0 && !s.Live
	seen := sight{t: l.T, from: s.T, weight: l.Weight, canary: &s.arms[0], stable: &s.arms[1]}
	if !s.Started {
		seen.from = min(0, l.T)
	}
	if first {
		seen.from = max(0, seen.from)
	}
	seen.seconds = l.T - seen.from
	young := l.T - warmth
	stableTrack, canaryTrack := l.Tracks[plan.Stable].Pods, l.Tracks[plan.Canary].Pods
	if l.T <= 0 {
		canaryTrack = nil
	}
	stables, canaries := s.Stable.admit(stableTrack, l.T), s.Canary.admit(canaryTrack, l.T)
	s.meet(stables, canaries)
	s.Fail.meet(stables, canaries)
	seen.stable.read(stables, &s.Stable, s.Slow.Bounds, math.Inf(1), r.Sums, s.Fail.Kinds)
	seen.canary.read(canaries, &s.Canary, s.Slow.Bounds, young, r.Sums, s.Fail.Kinds)
	before := s.Weight
	if first || !s.Live {
		before = l.Weight // the weight of the first look was set when the release began, at 0
	}
	a, b := odds(before), odds(l.Weight)
	seen.low, seen.high = min(a, b), max(a, b)
	swing := seen.high / seen.low
	seen.moved = swing > swingMost || swing > swingSmall && !s.Moved
	return seen
}

// A look in which the odds of the weight moved by more than swingSmall is left out, but not two in a row: under a steady
// ramp the tolerances are widened by the swing instead, up to swingMost. Both are sound; leaving out loses less.
const (
	swingSmall = 1.25
	swingMost  = 8.0
)

// play lets every bet that the look allows be played.
func (s *state) play(r *rules, seen sight) {
	s.Live = true
	s.Canaries += seen.canary.n
	s.Stables += seen.stable.n
	s.FailedC += seen.canary.x
	s.FailedB += seen.stable.x
	for _, p := range seen.canary.pods {
		s.Canary.Pods[p.pod].N += p.n
		s.Canary.Pods[p.pod].X += p.x
	}
	s.open(r)
	s.Quiet.pace(seen.stable, &s.Stable, seen.t, s.Missed > 0)
	s.Quiet.pace(seen.canary, &s.Canary, seen.t, s.Missed > 0)
	if r.Silence {
		s.listen(seen)
	}
	if r.Share {
		s.Ebb.heed(r, seen, s.Quiet.Pause)
	}
	s.beat(r, seen)
	s.gauge(r, seen)
	s.Slow.watch(seen.canary, seen.stable)
	s.Block.size(len(s.Slow.Bounds))
	canaries, stables := seen.canary.busy(), seen.stable.busy()
	tolerate := max(r.Failures.Tolerate, explained(s.Fail.Spread, canaries, stables))
	if seen.moved {
		s.flush(r, tolerate, canaries, stables)
		s.Block.reset(seen.t)
		return
	}
	if s.Block.High == 0 {
		s.Block.reset(seen.from)
	} else if max(s.Block.High, seen.high)/min(s.Block.Low, seen.low) > swingSmall {
		s.flush(r, tolerate, canaries, stables)
	}
	s.Block.add(seen.t, seen.canary, seen.stable, seen.low, seen.high)
	if seen.canary.plain || seen.stable.plain { // whole pods are not compared where kinds of requests are
		s.Fail.playAlone(r, seen, &s.Canary, tolerate*seen.high/seen.low)
		s.Fail.playPods(r, seen, tolerate*seen.high/seen.low)
	}
	s.keepPromises(r, seen)
	s.count(r, seen)
	if s.Block.full() {
		s.flush(r, tolerate, canaries, stables)
	}
}

// flush plays the block and begins the next.
func (s *state) flush(r *rules, tolerate float64, canaries, stables int) {
	if b := &s.Block; b.Fail.NC > 0 && b.Fail.NB > 0 {
		s.Fail.play(r, b, tolerate)
		s.Slow.play(r, b, &s.Stable, canaries, stables)
		s.warm(r, b)
		s.Compared = b.Until
	}
	s.Block.reset(s.Block.Until)
}

// warm caps the evidence of latency while the whole canary is cold and slow all over.
func (s *state) warm(r *rules, b *block) {
	oldest := math.Inf(1)
	for i := range s.Canary.Pods {
		if p := &s.Canary.Pods[i]; p.Seen >= s.Canary.Now {
			oldest = min(oldest, p.Born)
		}
	}
	if b.Until-oldest >= warmth {
		s.Slow.Cold = bet.Pair{}
		return
	}
	if s.Slow.heavy(b) && s.Stake.Latency > 0 {
		s.Slow.cap(r.limit / s.Stake.Latency / 8)
	}
}

// keepPromises plays the absolute objectives, which need no comparison.
func (s *state) keepPromises(r *rules, seen sight) {
	c, b := seen.canary, seen.stable
	if r.Objective.Availability > 0 {
		pair := bet.Pair{NC: c.n, XC: c.x, NB: b.n, XB: b.x}
		s.Up.play(r, pair, 1-r.Objective.Availability, s.Fail.Noise.burst(), seen.from, seen.t)
	}
	if i := s.Slow.at(r.Objective.Below); r.Objective.For > 0 && i >= 0 {
		pair := bet.Pair{NC: c.timed, XC: c.slow[i], NB: b.timed, XB: b.slow[i]}
		s.Fast.play(r, pair, 1-r.Objective.For, s.Slow.Marks[i].Noise.burst(), seen.from, seen.t)
	}
}

// learn takes what stable shows of its own noise, once all bets on the look are made, and moves the clock.
func (s *state) learn(r *rules, seen sight, history bool) {
	s.Fail.learn(seen.stable, &s.Stable, seen.seconds)
	s.Slow.learn(seen.stable, &s.Stable, seen.seconds)
	s.Ends.learn(seen.stable, seen.seconds)
	for i := range s.Sums {
		s.Sums[i].Rate.add(seen.stable.sums[i].n, seen.stable.sums[i].x, seen.seconds, 600)
	}
	if !history {
		s.open(r)
	} else {
		s.Past++
	}
	s.Moved = seen.moved && !history
	s.Started, s.T, s.Weight, s.Missed = true, seen.t, seen.weight, 0
	s.Stable.forget(seen.t)
	s.Canary.forget(seen.t)
	s.Fail.bury(&s.Canary)
}

// open gives latency its stake, out of what failures hold, once its bounds are pinned and stable is known. Stakes may be
// moved at any time; when it happens depends on requests alone.
func (s *state) open(r *rules) {
	if !s.Slow.Pinned || s.Slow.Used > 0 {
		return
	}
	s.Slow.begin(r)
	if s.Slow.Used == 0 || s.Stake.Latency > 0 {
		return
	}
	give := latencyShare * s.Stake.Failures
	s.Stake.Failures -= give
	s.Stake.Latency = give * s.Fail.value()
	if r.Objective.For > 0 {
		s.Stake.Fast = objectiveShare * s.Stake.Latency
		s.Stake.Latency -= s.Stake.Fast
	}
}

// spell joins reasons into a sentence.
func spell(parts ...string) string {
	said := parts[:0]
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, "; ")
}

// byName orders pods.
func byName(a, b pod) int { return strings.Compare(a.Name, b.Name) }
