package sequential

import (
	"fmt"
	"math"

	"serin.dev/serin/internal/plan"
)

// Names of the metrics, as findings and reasons use them.
const (
	nameFailures     = "failures"
	nameAvailability = "availability"
	nameLatency      = "latency"
	nameFast         = "latency objective"
	nameTraffic      = "traffic"
	nameShare        = "traffic share"
	nameRestarts     = "restarts"
)

// Fewer requests than this on an arm say nothing, and a comparison older than so many seconds is not of today.
const (
	fewRequests = 10.0
	staleAfter  = 120.0
)

// A release whose evidence is beyond this part of the limit does not pass, even if it is cleared of harm.
const suspect = 5

// A cause is why a look was answered as it was.
type cause int

const (
	proven cause = iota // the release fails
	taught              // history
	missing
	blind
	unreached
	hushed
	scarce
	apart
	untimed
	raised
	ebbed
	suspicious
	harmless
	undecided
)

// An answer to a look, before it is put into words.
type answered struct {
	outcome  plan.Outcome
	cause    cause
	evidence float64
	since    float64 // seconds since canary and stable were compared
	why      string  // a look brought nothing
}

// decide answers a look that was read.
func (s *state) decide(r *rules, seen sight, history bool) answered {
	a := answered{evidence: s.level()}
	if history {
		a.outcome, a.cause = plan.Insufficient, taught
		return a
	}
	if !s.Failed && a.evidence >= r.limit {
		s.Failed, s.Blame = true, s.blame(r)
		s.Why = s.accuse(r)
	}
	s.Most = max(s.Most, a.evidence)
	a.since = seen.t - max(0, s.Compared)
	switch {
	case s.Failed:
		a.outcome, a.cause, a.evidence = plan.Fail, proven, s.Most
	case s.Canaries == 0 || seen.weight == 0 && seen.canary.n == 0:
		a.outcome, a.cause = plan.Insufficient, unreached
	case s.Quiet.Row > 1:
		a.outcome, a.cause = plan.Hold, hushed
	case s.Stables < fewRequests || s.Canaries < fewRequests:
		a.outcome, a.cause = plan.Insufficient, scarce
	case s.Compared < 0 || seen.t-s.Compared > staleAfter:
		a.outcome, a.cause = plan.Insufficient, apart
	case s.latencyLost():
		a.outcome, a.cause = plan.Hold, untimed
	case s.raised(r) >= 0:
		a.outcome, a.cause = plan.Hold, raised
	case s.Ebb.low(r.limit):
		a.outcome, a.cause = plan.Hold, ebbed
	case a.evidence >= r.limit/suspect:
		a.outcome, a.cause = plan.Hold, suspicious
	case s.Fail.Clear.log() >= r.clearNeed && s.latencyClear(r):
		a.outcome, a.cause = plan.Pass, harmless
	default:
		a.outcome, a.cause = plan.Hold, undecided
	}
	return a
}

// miss answers a look that brought nothing: it can neither pass nor, for the first time, fail. The interval it covers is joined
// to that of the next look.
func (s *state) miss(why string) answered {
	s.Missed++
	a := answered{outcome: plan.Hold, cause: missing, evidence: s.level(), why: why}
	switch {
	case s.Failed:
		a.outcome, a.cause, a.evidence = plan.Fail, proven, s.Most
	case s.Missed >= missedMost:
		a.outcome, a.cause = plan.Unavailable, blind
	case s.Canaries == 0:
		a.outcome = plan.Insufficient
	}
	return a
}

// level is the evidence in numbers that a reader can hold.
func (s *state) level() float64 { return min(s.evidence(), 1e12) }

// explain puts the last answer into words.
func (s *state) explain(r *rules) string {
	w := &s.told.text
	switch a := &s.last; a.cause {
	case proven:
		return s.Why
	case taught:
		return s.lesson()
	case missing:
		return a.why
	case blind:
		return fmt.Sprintf("%d looks in a row brought nothing: %s", s.Missed, a.why)
	case unreached:
		return "no request has reached the canary"
	case hushed:
		w.say(s.compareSilence() + "; ")
	case scarce:
		return fmt.Sprintf("%.0f requests on the canary and %.0f on stable are too few to say anything", s.Canaries, s.Stables)
	case apart:
		return fmt.Sprintf("for %.0f s canary and stable have not both had traffic", a.since)
	case untimed:
		w.say("latency cannot be compared: canary and stable share no bucket bounds; ")
	case raised:
		i := s.raised(r)
		w.say(s.Gauges[i].compare(&r.Gauges[i]) + "; ")
	case ebbed:
		s.compareEbb()
		w.say("; ")
	case suspicious:
		w.say(fmt.Sprintf("suspicious, %.3g of %g: ", s.level(), r.limit))
	case harmless:
		w.say("the canary is not harmful (chance of error below ")
		w.about(100 * r.FalsePromotion)
		w.say(" %): ")
	default:
		w.say("not decided yet: ")
	}
	s.compare()
	if more := s.told.needs; more > 0 && s.last.cause == undecided {
		w.say("; if this goes on, about ")
		w.count(float64(more))
		w.say(" more canary requests give leave to promote")
	}
	return string(*w)
}

// latencyLost says that latency was judged, or could be on one arm, and the other cannot be timed.
func (s *state) latencyLost() bool { return s.Slow.Missing >= missedMost }

// latencyClear holds as well where no bucket was ever seen: what is not exported is not judged, and the finding says so.
func (s *state) latencyClear(r *rules) bool {
	if !s.Slow.Pinned {
		return s.Slow.Missing == 0
	}
	return s.Slow.Used > 0 && s.Slow.clear() >= r.clearNeed
}

// needs estimates how many more canary requests a pass takes, if the canary is as good as stable.
func (s *state) needs(r *rules) int64 {
	if s.Canaries == 0 {
		return 0
	}
	share := s.Stables / s.Canaries
	more := s.Fail.Clear.more(r.clearNeed, s.Fail.Rate.rate(), share, harmOf(r), s.Fail.Noise.burst())
	if s.Slow.Pinned && s.Slow.Used > 0 {
		m := &s.Slow.Marks[s.Slow.Tail]
		slow := s.Slow.TailOK.more(r.clearNeed, m.Slow.rate(), share, harmOf(r), m.Noise.burst())
		more = max(more, slow)
	}
	return int64(math.Ceil(min(more, 1e12)))
}

// lesson says what history taught.
func (s *state) lesson() string {
	text := fmt.Sprintf("history, %d looks: stable fails %.3g %% of requests", s.Past, 100*s.Fail.Rate.X/max(s.Fail.Rate.N, 1))
	if burst := s.Fail.Noise.burst(); burst > 1 {
		text += fmt.Sprintf(", in bursts (variance %.1f times the mean)", burst)
	}
	if s.Fail.Spread > 0 {
		text += fmt.Sprintf(", pods differ by %.0f %%", 100*math.Expm1(s.Fail.Spread))
	}
	return text
}
