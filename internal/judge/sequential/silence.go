package sequential

import (
	"fmt"
	"math"

	"serin.dev/serin/internal/judge/share"
	"serin.dev/serin/internal/plan"
)

// silence bets that requests are lost in the canary: one that hangs completes nothing, and what is not completed is neither a
// failure nor slow. Null: of the requests that are answered, the canary answers at least quiet times the share it is meant to
// get, whoever deals them: sticky users and routers that lag give it less than is meant, but not nothing.
//
// Stores that read pods every now and then, each at its own moment, show no requests of a pod in between: silence lasts
// at least twice as long as the longest pause between two reports of any pod.
//
// One that still answers some is no silence: see ebb.
//
// It stakes only while the canary is silent. The first such look of a row is no evidence, for counters that were reset look
// the same; it puts half of the cash that is left on the bet. What later looks of the row add is bounded, the less the earlier.
type silence struct {
	Weight float64 `json:"weight"` // per cent
	Moved  float64 `json:"moved"`  // when it did
	Still  int     `json:"still"`  // looks since
	Row    int     `json:"row"`    // silent looks in a row
	Lost   float64 `json:"lost"`   // requests that stable answered meanwhile
	Since  float64 `json:"since"`  // when the canary was heard last
	Pause  float64 `json:"pause"`  // the longest between two reports of a pod
	Pauses int     `json:"pauses"` // how many are known
	Staked float64 `json:"staked"` // shares of the budget, all in all
	Cash   float64 `json:"cash"`   // of these, not on the bet
	Bet    float64 `json:"bet"`
}

// silenceShare of the budget is put aside when a canary is silent for the first time in a release. Until then it is with failures.
const silenceShare = 0.125

const (
	quiet     = 0.45 // of the share that is meant: still good
	mute      = 0.01 // of it: bet on
	leastMute = 3.2  // nats the second silent look may add; each further one may add as much more
	settled   = 1    // looks to let pass after the weight has moved, and so many seconds
	settling  = 10.0
	pauses    = 2 // so many of the longest pause are no silence, and so many are known before one is believed
)

// heed takes a look; it reports whether the canary fell silent in it.
func (q *silence) heed(seen sight) (fell bool) {
	if seen.weight != q.Weight || seen.moved {
		*q = silence{Weight: seen.weight, Moved: seen.t, Since: seen.t, Staked: q.Staked, Cash: q.Cash + q.Bet, Pause: q.Pause, Pauses: q.Pauses}
		return false
	}
	q.Still++
	if q.Row > 0 {
		q.play(seen)
	}
	if seen.canary.n > 0 {
		q.Cash, q.Bet, q.Row, q.Lost, q.Since = q.Cash+q.Bet, 0, 0, 0, seen.t
		return false
	}
	if q.Still <= settled || seen.t-q.Moved < settling || seen.weight <= 0 || seen.weight >= 100 || seen.stable.n == 0 {
		return false
	}
	q.Lost += seen.stable.n
	if q.Pauses < pauses || seen.t-q.Since < pauses*q.Pause {
		return false
	}
	q.Row++
	if q.Row == 1 {
		q.Bet = q.Cash / 2
		q.Cash -= q.Bet
	}
	return q.Row == 1
}

// pace learns how long pods go unheard between two reports, of those of an arm that have answered something.
func (q *silence) pace(a *arm, r *roster, t float64, missed bool) {
	for i := range a.pods {
		p := &r.Pods[a.pods[i].pod]
		if missed {
			p.Heard = 0
		}
		if a.pods[i].n == 0 {
			continue
		}
		if p.Heard > 0 {
			q.Pause, q.Pauses = max(q.Pause, t-p.Heard), q.Pauses+1
		}
		p.Heard = t
	}
}

func (q *silence) play(seen sight) {
	w := q.Weight / 100
	gain := share.Gain(mute*w, quiet*w, seen.stable.n, seen.canary.n)
	q.Bet = min(q.Bet*math.Exp(min(gain, leastMute*float64(q.Row))), 1e12)
}

// value is what is held, in shares of the budget.
func (q *silence) value() float64 { return q.Cash + q.Bet }

// listen takes a look, and puts a stake aside when the canary falls silent for the first time.
func (s *state) listen(seen sight) {
	if fell := s.Quiet.heed(seen); !fell || s.Quiet.Staked > 0 {
		return
	}
	give := silenceShare * s.Stake.Failures
	s.Stake.Failures -= give
	s.Quiet.Staked = give * s.Fail.value()
	s.Quiet.Bet, s.Quiet.Cash = s.Quiet.Staked/2, s.Quiet.Staked/2
}

func (s *state) compareSilence() string {
	return fmt.Sprintf("traffic: the canary has answered nothing since t=%g s, while stable answered %.0f requests; %g %% of all are meant for it",
		s.Quiet.Since, s.Quiet.Lost, s.Quiet.Weight)
}

func (q *silence) finding(f *plan.Finding) {
	w := q.Weight / 100
	f.Evidence, f.Effect, f.Low, f.High = readable(q.value()/q.Staked), 1, 0, 1/max(w, 0.01)
	f.Stable, f.Canary = 1-w, w // the shares that are meant
	if q.Row > 1 {
		f.Effect, f.Canary, f.Stable, f.High = 0, 0, 1, q.upTo(w)
	}
	count(f, q.Lost, 0)
}

// upTo is the largest share, relative to the one that is meant, that the present silence does not exclude: the inversion of the
// same bet, without the stake and the bounds that protect the verdict from counters that were reset.
func (q *silence) upTo(w float64) float64 {
	excluded := -math.Expm1(math.Log1p(-mute*w) + math.Log(intervalMiss)/max(q.Lost, 1))
	return min(excluded/max(w, 1e-6), 1/max(w, 0.01))
}
