package sequential

import (
	"fmt"

	"serin.dev/serin/internal/judge/sequential/bet"
	"serin.dev/serin/internal/plan"
)

// sums compares the mean of a business metric per event. Values lie between 0 and the most an event can have, so a value of v is
// bet on like a failure that happened to a part v/most: for every a > 0, a^(v/most) is at most 1+(v/most)(a-1), which is all that
// the proofs of the bets on failures ask of an event.
type sums struct {
	Lower  bet.Wealth   `json:"lower"` // bets that the canary's mean is lower than tolerated
	Higher bet.Wealth   `json:"higher"`
	Pair   bet.Pair     `json:"pair"` // events, and the parts that their values add up to
	Rate   decayed      `json:"rate"`
	Range  bet.Interval `json:"range"`
	Sum    total        `json:"sum"`
	Broken int          `json:"broken"` // looks in a row whose totals exceed what events can have
	logs   []float64
}

// sumShare of the budget is on all sums together, where there are any.
const sumShare = 0.125

// Alternatives: multipliers of the canary's parts for a fall, and ratios to what is tolerated for a rise.
func falls() []float64 { return []float64{0.9, 0.75, 0.5, 0.2} }

func rises() []float64 { return []float64{1.2, 1.6, 3, 10} }

// part is what the events of one arm add up to.
type part struct{ n, x float64 }

func (m *sums) start(rule *Sum, r *rules) {
	fall, rise := 1.0, 0.0
	switch {
	case rule.Rise > 0 && rule.Fall < 1:
		fall, rise = 0.5, 0.5
	case rule.Rise > 0:
		fall, rise = 0, 1
	}
	m.Lower.Stake(fall, r.even)
	m.Higher.Stake(rise, r.even)
}

// play takes a look in which the odds of the weight moved by swing.
func (m *sums) play(r *rules, rule *Sum, c, b part, swing float64, seen sight) {
	p := bet.Pair{NC: c.n, XC: c.x, NB: b.n, XB: b.x}
	if p.NC == 0 || p.NB == 0 {
		return
	}
	m.logs = m.logs[:0]
	for _, a := range falls() {
		m.logs = append(m.logs, bet.Harmless(p, bet.Margin{Ratio: (1 - rule.Fall) / swing}, a))
	}
	m.Lower.Play(m.logs, r.even, seen.from, seen.t)
	m.logs = m.logs[:0]
	for _, kappa := range rises() {
		m.logs = append(m.logs, bet.Worse(p, bet.Margin{Ratio: (1 + rule.Rise) * swing}, kappa, m.Rate.rate()))
	}
	m.Higher.Play(m.logs, r.even, seen.from, seen.t)
	m.Range.Observe(p, 1)
	m.Sum.weigh(p)
	m.Pair = bet.Pair{NC: m.Pair.NC + p.NC, XC: m.Pair.XC + p.XC, NB: m.Pair.NB + p.NB, XB: m.Pair.XB + p.XB}
}

func (m *sums) value() float64 { return m.Lower.Value() + m.Higher.Value() }

// count plays all sums.
func (s *state) count(r *rules, seen sight) {
	for i := range r.Sums {
		m := &s.Sums[i]
		if c, b := seen.canary.sums[i], seen.stable.sums[i]; c.x <= c.n && b.x <= b.n && c.x >= 0 && b.x >= 0 {
			m.play(r, &r.Sums[i], c, b, seen.high/seen.low, seen)
			m.Broken = 0
		} else {
			m.Broken++
		}
	}
}

// summed is what all sums hold, in shares of the budget.
func (s *state) summed() (held float64) {
	for i := range s.Sums {
		held += s.Stake.Sums / float64(len(s.Sums)) * s.Sums[i].value()
	}
	return held
}

func (m *sums) finding(rule *Sum, f *plan.Finding) {
	p := m.Pair
	f.Unit, f.Evidence, f.Effect = plan.Reading, readable(m.value()), m.Sum.ratio()
	f.Low, f.High = m.Range.Limits(intervalMiss)
	f.Stable, f.Canary = rule.Most*p.XB/max(p.NB, 1), rule.Most*p.XC/max(p.NC, 1)
	if f.Limit = 1 - rule.Fall; rule.Rise > 0 {
		f.Limit = 1 + rule.Rise
	}
	count(f, p.NB, p.NC)
	switch {
	case m.Broken >= missedMost:
		f.Outcome = plan.Unavailable
	case p.NC == 0 || p.NB == 0:
		f.Outcome = plan.Insufficient
	}
}

func (m *sums) compare(rule *Sum) string {
	p := m.Pair
	low, high := m.Range.Limits(intervalMiss)
	return fmt.Sprintf("%s: %.4g per event on the canary, %.4g on stable, ratio %.3g (%.3g to %.3g)",
		rule.Name, rule.Most*p.XC/max(p.NC, 1), rule.Most*p.XB/max(p.NB, 1), m.Sum.ratio(), low, high)
}
