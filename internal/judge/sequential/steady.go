package sequential

import (
	"math"

	"serin.dev/serin/internal/judge/sequential/bet"
)

// A Steady is the judge of a release whose traffic and rates stand still, with failures that come one by one and pods that
// are alike: then looks need not be told apart, and evidence is a function of what they add up to. It is for planning
// (package forecast); verdicts come from looks.
type Steady struct {
	rules rules
	stake stakes
}

// NewSteady returns the judge of the given settings. Where latency is measured it takes its share of the budget.
func NewSteady(c Config, timed bool) Steady {
	s := Steady{rules: rulesOf(c, ""), stake: stakes{Failures: 1}}
	if c.Objective.Availability > 0 {
		s.stake.Availability = objectiveShare
		s.stake.Failures -= objectiveShare
	}
	if timed {
		s.stake.Latency = latencyShare * s.stake.Failures
		s.stake.Failures -= s.stake.Latency
	}
	return s
}

// Limit is the evidence that rolls back.
func (s Steady) Limit() float64 { return s.rules.limit }

// Evidence is what failures bring. Stable is known to fail at the given rate. What latency might bring, and the part of the
// stake that is kept for what begins later and for single pods, are left out: there is at least so much evidence.
func (s Steady) Evidence(p bet.Pair, rate float64) float64 {
	r := &s.rules
	m := bet.Margin{Ratio: r.Failures.Tolerate, Plus: r.Failures.Plus}
	bets := func(log func(kappa float64) float64) (sum float64) {
		for i, kappa := range r.kappas {
			sum += bet.Early * r.prior[i] * math.Exp(min(log(kappa), 600))
		}
		return sum
	}
	sum := s.stake.Failures * (1 - aloneShare) * bets(func(kappa float64) float64 {
		return bet.WorseExact(p, m, kappa, rate)
	})
	if s.stake.Availability == 0 {
		return sum
	}
	most := min(0.9, max(1-r.Objective.Availability, 2*rate))
	return sum + s.stake.Availability*bets(func(kappa float64) float64 { return bet.Above(p.NC, p.XC, most, kappa) })
}

// A Leave is the evidence of one release against harm.
type Leave struct{ failures, slowness clearance }

// Count adds what was counted while traffic stood still: failures, and requests in the tail of the latency.
func (l *Leave) Count(s Steady, failures, slowness bet.Pair) {
	l.failures.play(failures, harmOf(&s.rules), 1, &s.rules)
	l.slowness.play(slowness, bet.Margin{Ratio: s.rules.Latency.Harmful, Plus: s.rules.Failures.Harmful.Plus}, 1, &s.rules)
}

// Given reports whether this gives leave to promote.
func (l *Leave) Given(s Steady) bool {
	return l.failures.log() >= s.rules.clearNeed && l.slowness.log() >= s.rules.clearNeed
}
