package progress

import (
	"fmt"
	"math"

	"serin.dev/serin/internal/plan"
)

// analyses tells each question of the plan with its latest answer.
func analyses(f Facts) []Analysis {
	told := []Analysis{}
	for _, a := range f.Plan.Analyses {
		v := verdict(f, a)
		t := Analysis{
			Name: a.Name, Judge: a.Judge.Kind, Source: a.Source.Kind, Every: Brief(a.Every),
			Looking: phase(f.Position) == plan.Progressing && a.From <= f.Position.Step && f.Position.Step <= a.To,
			Verdict: v.Outcome, Evidence: finite(v.Evidence), Limit: finite(v.Limit), Reason: v.Reason,
			Passed: f.Position.Passed[a.Name], Dark: f.Position.Dark[a.Name],
			Metrics: []Metric{}, Place: placeOf(a.Origin),
		}
		if trail, ok := f.Trails[a.Name]; ok && len(trail.Points) > 0 {
			t.Trail = &trail
		}
		for _, m := range v.Metrics {
			t.Metrics = append(t.Metrics, metric(m))
		}
		told = append(told, t)
	}
	return told
}

// verdict is the latest of the analysis; for one that sent the release back, the one that did.
func verdict(f Facts, a plan.Analysis) plan.Verdict {
	if gone := f.Position.Failure; gone != nil && gone.Verdict != nil && gone.Field == a.Origin.Field {
		return *gone.Verdict
	}
	return f.Verdicts[a.Name]
}

func metric(m plan.Finding) Metric {
	return Metric{
		Name: m.Name, Verdict: m.Outcome, Unit: m.Unit,
		Stable: finite(m.Stable), Canary: finite(m.Canary),
		Effect: finite(m.Effect), Low: finite(m.Low), High: finite(m.High), Limit: finite(m.Limit),
		Evidence: finite(m.Evidence), N: Counts{Stable: m.N[plan.Stable], Canary: m.N[plan.Canary]}, Needs: m.Needs,
	}
}

// finite keeps numbers that JSON can carry; what is beyond is the largest that can, what is none is 0.
func finite(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return 0
	case math.IsInf(x, 0):
		return math.Copysign(math.MaxFloat64, x)
	}
	return x
}

// Judges give these limits where nothing can be excluded on that side yet.
const (
	least = 0.01
	most  = 100
)

// Known reports whether the effect is bounded on any side.
func (m Metric) Known() bool { return m.Effect > 0 && (m.Low > least || m.High > 0 && m.High < most) }

// Interval tells what cannot be excluded of the effect: "1.4..3.2", "0..1.2", "1.1..100+".
func (m Metric) Interval() string {
	low, high := Number(m.Low), Number(m.High)
	if m.Low <= least {
		low = "0"
	}
	if m.High >= most {
		high = "100+"
	}
	return low + ".." + high
}

// Summary tells the metric in a few words: "failures 2.1x stable [1.4..3.2], limit 1.1x".
func (m Metric) Summary() string {
	text := m.Name
	switch {
	case m.Unit == plan.Reading && m.N.Canary > 0:
		return text + fmt.Sprintf(" %s, %s", Number(m.Canary), m.Measured())
	case m.Known():
		text += fmt.Sprintf(" %sx stable [%s]", Number(m.Effect), m.Interval())
	case m.N.Canary > 0:
		text += fmt.Sprintf(" %s against %s on stable", Amount(m.Canary, m.Unit), Amount(m.Stable, m.Unit))
	default:
		return text + " not measured yet"
	}
	if m.Limit > 0 {
		text += fmt.Sprintf(", limit %sx", Number(m.Limit))
	}
	return text
}

// Measured says of an answer to the user's own query how many there were.
func (m Metric) Measured() string {
	if m.N.Canary == 1 {
		return "measured once"
	}
	return fmt.Sprintf("the last of %d measurements", m.N.Canary)
}

// worst is the metric with the most evidence against the canary; false when there is none.
func worst(told []Analysis) (Metric, bool) {
	var m Metric
	found := false
	for _, a := range told {
		for _, b := range a.Metrics {
			if !found || rank(b.Verdict) > rank(m.Verdict) || rank(b.Verdict) == rank(m.Verdict) && b.Evidence > m.Evidence {
				m, found = b, true
			}
		}
	}
	return m, found
}

func rank(o plan.Outcome) int {
	return map[plan.Outcome]int{plan.Fail: 2, plan.Hold: 1, plan.Pass: 1}[o]
}
