package sequential

import (
	"fmt"
	"slices"

	"serin.dev/serin/internal/judge/sequential/bet"
	"serin.dev/serin/internal/plan"
)

// intervalMiss is what each side of an interval of an effect may err: intervals are always valid at 95 %.
const intervalMiss = 0.025

// findings reports every metric, in a fixed order, in the memory of all.
func (s *state) findings(r *rules, a answered, all []plan.Finding) []plan.Finding {
	all = all[:0]
	add := func(name string, fill func(*plan.Finding)) {
		var n map[plan.TrackName]int64
		if all = slices.Grow(all, 1)[:len(all)+1]; all[len(all)-1].N != nil {
			n = all[len(all)-1].N
		} else {
			n = make(map[plan.TrackName]int64, 2)
		}
		f := &all[len(all)-1]
		*f = plan.Finding{Name: name, Unit: "ratio", N: n, Outcome: plan.Hold}
		fill(f)
		f.Low, f.High = min(f.Low, f.Effect), max(f.High, f.Effect) // drawing it towards 1 may have moved it out
		s.settle(f, a)
	}
	add(nameFailures, func(f *plan.Finding) { s.failuresFinding(r, f) })
	if r.Objective.Availability > 0 {
		add(nameAvailability, s.Up.finding)
	}
	add(nameLatency, func(f *plan.Finding) { s.latencyFinding(r, f) })
	if r.Objective.For > 0 {
		add(nameFast, s.Fast.finding)
	}
	if s.Quiet.Staked > 0 {
		add(nameTraffic, s.Quiet.finding)
	}
	if s.Ebb.low(r.limit) {
		add(nameShare, s.Ebb.finding)
	}
	if s.Ends.Staked > 0 {
		add(nameRestarts, func(f *plan.Finding) { s.Ends.finding(r, f) })
	}
	for i := range s.Sums {
		add(r.Sums[i].Name, func(f *plan.Finding) { s.Sums[i].finding(&r.Sums[i], f) })
	}
	for i := range s.Gauges {
		add(r.Gauges[i].Name, func(f *plan.Finding) { s.Gauges[i].finding(&r.Gauges[i], f, s.Gauges[i].value() >= r.limit) })
	}
	return all
}

// settle brings what a metric says by itself in line with the whole answer.
func (s *state) settle(f *plan.Finding, a answered) {
	switch {
	case f.Outcome == plan.Unavailable || f.Outcome == plan.Insufficient:
	case a.outcome == plan.Fail && f.Name == s.Blame:
		f.Outcome = plan.Fail
	case a.outcome == plan.Unavailable || a.outcome == plan.Insufficient:
		f.Outcome = a.outcome
	case f.Outcome == plan.Pass && a.outcome == plan.Fail:
		f.Outcome = plan.Hold
	}
}

func (s *state) failuresFinding(r *rules, f *plan.Finding) {
	f.Evidence, f.Effect, f.Needs = readable(s.Fail.value()), s.Fail.Sum.ratio(), s.told.needs
	f.Low, f.High = s.told.low, s.told.high
	f.Limit = r.Failures.Tolerate
	f.Stable, f.Canary = s.FailedB/max(s.Stables, 1), s.FailedC/max(s.Canaries, 1)
	count(f, s.Stables, s.Canaries)
	if s.Compared < 0 {
		f.Outcome = plan.Insufficient
	} else if s.Fail.Clear.log() >= r.clearNeed {
		f.Outcome = plan.Pass
	}
}

func (s *state) latencyFinding(r *rules, f *plan.Finding) {
	l := &s.Slow
	f.Evidence, f.Effect = readable(l.value()), l.Sum.ratio()
	f.Low, f.High = l.Range.Limits(intervalMiss)
	count(f, l.N.NB, l.N.NC)
	switch {
	case l.Used == 0 && len(l.Bounds) == 0 || s.latencyLost():
		f.Outcome = plan.Unavailable
	case l.Used == 0 || l.N.NC == 0:
		f.Outcome = plan.Insufficient
	case l.clear() >= r.clearNeed:
		f.Outcome = plan.Pass
	}
	if l.Used > 0 {
		f.Stable = l.Stable[l.Tail] / max(l.N.NB, 1)
		f.Canary = l.Canary[l.Tail] / max(l.N.NC, 1)
		f.Limit = l.Grid.tolerated(l.Tail) / max(l.Grid.Shares[l.Tail], 1e-9)
	}
}

func (p *promise) finding(f *plan.Finding) {
	low, high := p.Range.limits(intervalMiss)
	f.Stable, f.Canary = p.XB/max(p.NB, 1), p.X/max(p.N, 1)
	scale := max(f.Stable, 1e-4) // the interval is of the canary's rate; as an effect it is set against stable's
	f.Evidence, f.Effect, f.Low, f.High = readable(p.Held.Value()), f.Canary/scale, low/scale, high/scale
	count(f, p.NB, p.N)
	if p.N == 0 {
		f.Outcome = plan.Insufficient
	}
}

// count notes the requests of both tracks, as far as whole numbers are exact.
func count(f *plan.Finding, stable, canary float64) {
	const most = 1 << 53
	f.N[plan.Stable], f.N[plan.Canary] = int64(min(stable, most)), int64(min(canary, most))
}

func readable(evidence float64) float64 { return min(evidence, 1e12) }

// blame names the metric that carries most of the evidence.
func (s *state) blame(r *rules) string {
	name, most := nameFailures, s.Stake.Failures*s.Fail.value()
	for _, m := range [...]struct {
		name string
		held float64
	}{
		{nameAvailability, s.Stake.Availability * s.Up.Held.Value()},
		{nameLatency, s.Stake.Latency * s.Slow.value()},
		{nameFast, s.Stake.Fast * s.Fast.Held.Value()},
		{nameTraffic, s.Quiet.value()},
		{nameRestarts, s.Ends.value()},
	} {
		if m.held > most {
			name, most = m.name, m.held
		}
	}
	for i := range s.Sums {
		if held := s.Stake.Sums / float64(len(s.Sums)) * s.Sums[i].value(); held > most {
			name, most = r.Sums[i].Name, held
		}
	}
	return name
}

// accuse tells why the release fails, at the moment it does.
func (s *state) accuse(r *rules) string {
	var said string
	s.reckon(r)
	switch s.Blame {
	case nameTraffic:
		return spell(s.compareSilence(), proof(r))
	case nameRestarts:
		return spell(s.Ends.compare(), proof(r))
	case nameLatency:
		said = string(*s.compareLatency())
	case nameFast:
		said = fmt.Sprintf("latency objective: %.3g %% of the canary's requests took longer than %g s, allowed are %.3g %%",
			100*s.Fast.X/max(s.Fast.N, 1), r.Objective.Below, 100*(1-r.Objective.For))
	case nameAvailability:
		said = fmt.Sprintf("availability: %.3g %% of the canary's %.0f requests failed, allowed are %.3g %%",
			100*s.Up.X/max(s.Up.N, 1), s.Up.N, 100*(1-r.Objective.Availability))
	default:
		for i := range r.Sums {
			if r.Sums[i].Name == s.Blame {
				return spell(s.Sums[i].compare(&r.Sums[i]), proof(r))
			}
		}
		said = string(*s.compareFailures()) + fmt.Sprintf(", tolerated are %gx plus %.3g %%", r.Failures.Tolerate, 100*r.Failures.Plus)
	}
	pod := ""
	if s.Blame != nameLatency && s.Blame != nameFast {
		pod = s.culprit()
	}
	return spell(said, pod, proof(r))
}

func proof(r *rules) string {
	return fmt.Sprintf("a release within its tolerances would get here at most once in %.0f", r.limit)
}

// compare describes both metrics in a sentence.
func (s *state) compare() *words {
	s.compareFailures()
	if s.Slow.Used > 0 && s.Slow.N.NC > 0 {
		s.told.text.say("; ")
		s.compareLatency()
	}
	return &s.told.text
}

func (s *state) compareFailures() *words {
	w := &s.told.text
	w.say("failures: ")
	w.count(s.FailedC)
	w.say(" of ")
	w.count(s.Canaries)
	w.say(" requests on the canary, ")
	w.count(s.FailedB)
	w.say(" of ")
	w.count(s.Stables)
	w.say(" on stable, ratio ")
	w.about(s.Fail.Sum.ratio())
	w.say(" (")
	w.about(s.told.low)
	w.say(" to ")
	w.about(s.told.high)
	w.say(")")
	return w
}

func (s *state) compareLatency() *words {
	l, w := &s.Slow, &s.told.text
	i := l.telling()
	w.say("latency: ")
	w.percent(l.N.NC, l.Canary[i])
	w.say(" of requests on the canary took longer than ")
	w.exactly(l.Bounds[i])
	w.say(" s, ")
	w.percent(l.N.NB, l.Stable[i])
	w.say(" on stable; 99 % stay below ")
	w.about(quantile(l.Bounds, l.Canary, l.N.NC, 0.99))
	w.say(" s and ")
	w.about(quantile(l.Bounds, l.Stable, l.N.NB, 0.99))
	w.say(" s")
	return w
}

// telling is the bound with the most evidence, or the tail while none has any.
func (l *latency) telling() int {
	at, most := l.Tail, 2/max(float64(l.Used), 1)
	for i := range l.Marks {
		if len(l.Marks[i].Bets.Bets) > 0 && l.Marks[i].Bets.Value() > most {
			at, most = i, l.Marks[i].Bets.Value()
		}
	}
	return at
}

func harmOf(r *rules) bet.Margin {
	return bet.Margin{Ratio: r.Failures.Harmful.Ratio, Plus: r.Failures.Harmful.Plus}
}
