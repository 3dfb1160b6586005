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
)

// Fewer requests than this on an arm say nothing, and a comparison older than so many seconds is not of today.
const (
	fewRequests = 10.0
	staleAfter  = 120.0
)

// A release whose evidence is beyond this part of the limit does not pass, even if it is cleared of harm.
const suspect = 5

// verdict answers a look that was read.
func (s *state) verdict(r *rules, seen sight, history bool) plan.Verdict {
	v := plan.Verdict{Limit: r.limit, Evidence: s.level()}
	if history {
		v.Outcome, v.Metrics = plan.Insufficient, s.findings(r, plan.Insufficient)
		v.Reason = s.lesson()
		return v
	}
	if !s.Failed && v.Evidence >= r.limit {
		s.Failed, s.Blame = true, s.blame()
		s.Why = s.accuse(r)
	}
	s.Most = math.Max(s.Most, v.Evidence)
	switch {
	case s.Failed:
		v.Outcome, v.Reason, v.Evidence = plan.Fail, s.Why, s.Most
	case s.Canaries == 0 || seen.weight == 0 && seen.canary.n == 0:
		v.Outcome, v.Reason = plan.Insufficient, "no request has reached the canary"
	case s.Stables < fewRequests || s.Canaries < fewRequests:
		v.Outcome = plan.Insufficient
		v.Reason = fmt.Sprintf("%.0f requests on the canary and %.0f on stable are too few to say anything", s.Canaries, s.Stables)
	case s.Compared < 0 || seen.t-s.Compared > staleAfter:
		v.Outcome = plan.Insufficient
		v.Reason = fmt.Sprintf("for %.0f s canary and stable have not both had traffic", seen.t-math.Max(0, s.Compared))
	default:
		v.Outcome, v.Reason = s.weighUp(r)
	}
	v.Metrics = s.findings(r, v.Outcome)
	return v
}

// unseen answers a look that brought nothing: it can neither pass nor, for the first time, fail.
func (s *state) unseen(r *rules, why string) plan.Verdict {
	v := plan.Verdict{Limit: r.limit, Evidence: s.level()}
	switch {
	case s.Failed:
		v.Outcome, v.Reason, v.Evidence = plan.Fail, s.Why, s.Most
	case s.Missed >= missedMost:
		v.Outcome, v.Reason = plan.Unavailable, fmt.Sprintf("%d looks in a row brought nothing: %s", s.Missed, why)
	case s.Canaries == 0:
		v.Outcome, v.Reason = plan.Insufficient, why
	default:
		v.Outcome, v.Reason = plan.Hold, why
	}
	v.Metrics = s.findings(r, v.Outcome)
	return v
}

// level is the evidence in numbers that a reader can hold.
func (s *state) level() float64 { return math.Min(s.evidence(), 1e12) }

// weighUp answers when there is data and it does not fail the release.
func (s *state) weighUp(r *rules) (plan.Outcome, string) {
	compared := s.compare()
	switch {
	case s.latencyLost():
		return plan.Hold, spell("latency cannot be compared: canary and stable share no bucket bounds", compared)
	case s.level() >= r.limit/suspect:
		return plan.Hold, fmt.Sprintf("suspicious, %.3g of %g: %s", s.level(), r.limit, compared)
	case s.Fail.Clear.log() >= r.clearNeed && s.latencyClear(r):
		return plan.Pass, fmt.Sprintf("the canary is not harmful (chance of error below %.3g %%): %s",
			100*r.FalsePromotion, compared)
	}
	if more := s.needs(r); more > 0 {
		return plan.Hold, fmt.Sprintf("not decided yet: %s; if this goes on, about %d more canary requests give leave to promote",
			compared, more)
	}
	return plan.Hold, "not decided yet: " + compared
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
		more = math.Max(more, slow)
	}
	return int64(math.Ceil(math.Min(more, 1e12)))
}

// lesson says what history taught.
func (s *state) lesson() string {
	text := fmt.Sprintf("history, %d looks: stable fails %.3g %% of requests", s.Past, 100*s.Fail.Rate.X/math.Max(s.Fail.Rate.N, 1))
	if burst := s.Fail.Noise.burst(); burst > 1 {
		text += fmt.Sprintf(", in bursts (variance %.1f times the mean)", burst)
	}
	if s.Fail.Spread > 0 {
		text += fmt.Sprintf(", pods differ by %.0f %%", 100*math.Expm1(s.Fail.Spread))
	}
	return text
}
