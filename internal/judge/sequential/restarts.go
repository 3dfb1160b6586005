package sequential

import (
	"fmt"

	"serin.dev/serin/internal/judge/sequential/bet"
	"serin.dev/serin/internal/plan"
)

// restarts compares how often instances end that nobody asked to end: events over the seconds that instances were up. The bet is
// that on failures; what it does not know is which restarts had a common cause, so a lost node may count for several.
type restarts struct {
	Held   bet.Wealth   `json:"held"`
	Staked float64      `json:"staked"` // share of the budget; 0 until a restart was seen, for until then there is nothing to bet on
	Sum    bet.Pair     `json:"sum"`    // seconds and restarts since the release began
	Rate   decayed      `json:"rate"`   // of stable, per second
	Range  bet.Interval `json:"range"`
	logs   []float64
}

// restartShare of the budget is put on restarts once one is seen. Until then it is with failures.
const restartShare = 0.125

// beat takes a look; the look in which the first restart is seen is not bet on.
func (s *state) beat(r *rules, seen sight) {
	e, c, b := &s.Ends, seen.canary, seen.stable
	p := bet.Pair{NC: c.up * seen.seconds, XC: c.ends, NB: b.up * seen.seconds, XB: b.ends}
	if e.Staked > 0 && p.NC > 0 && p.NB > 0 {
		m := bet.Margin{Ratio: r.Restarts.Tolerate, Plus: 1 / r.Restarts.Every}
		e.logs = e.logs[:0]
		for _, kappa := range r.kappas {
			e.logs = append(e.logs, bet.Worse(p, m, kappa, e.Rate.rateOf(3600)))
		}
		e.Held.Play(e.logs, r.prior, seen.from, seen.t)
		e.Range.Observe(p, 1)
	}
	e.Sum.NC, e.Sum.XC, e.Sum.NB, e.Sum.XB = e.Sum.NC+p.NC, e.Sum.XC+p.XC, e.Sum.NB+p.NB, e.Sum.XB+p.XB
	if e.Staked == 0 && p.XC+p.XB > 0 {
		give := restartShare * s.Stake.Failures
		s.Stake.Failures -= give
		e.Staked = give * s.Fail.value()
		e.Held.Stake(1, r.prior)
	}
}

// learn takes what stable shows, in history and release alike.
func (e *restarts) learn(stable *arm, seconds float64) {
	e.Rate.add(stable.up*seconds, stable.ends, seconds, 1800)
}

// value is what is held, in shares of the budget.
func (e *restarts) value() float64 {
	if e.Staked == 0 {
		return 0
	}
	return e.Staked * e.Held.Value()
}

func (e *restarts) finding(r *rules, f *plan.Finding) {
	p := e.Sum
	f.Limit = r.Restarts.Tolerate
	f.Stable, f.Canary = p.XB/max(p.NB, 1)*3600, p.XC/max(p.NC, 1)*3600
	f.Unit, f.Evidence = "per hour", readable(e.Held.Value())
	f.Effect = (p.XC + 0.5) / max(p.NC, 1) / ((p.XB + 0.5) / max(p.NB, 1))
	f.Low, f.High = e.Range.Limits(intervalMiss)
	count(f, p.XB, p.XC)
}

func (e *restarts) compare() string {
	p := e.Sum
	return fmt.Sprintf("restarts: %.0f on the canary, %.3g an hour for each instance, %.0f on stable, %.3g an hour",
		p.XC, p.XC/max(p.NC, 1)*3600, p.XB, p.XB/max(p.NB, 1)*3600)
}
