package kayenta

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"serin.dev/serin/internal/plan"
)

// unknown is an effect that has no number, in the direction it has.
const unknown = 1e9

// verdict reads a judgement: at or below marginal the analysis ends, failed; after the last one the score must reach pass.
// Evidence is what the score lacks of 100, and limit is how much it may lack.
func (a *analysis) verdict(s *state, r Result) plan.Verdict {
	score, last := float64(r.Score.Score), s.Judged == a.runs
	v := plan.Verdict{Outcome: plan.Hold, Evidence: math.Max(0, 100-score), Limit: 100 - a.Thresholds.Marginal}
	said := fmt.Sprintf("judgement %d of %d: score %g", s.Judged, a.runs, score)
	switch {
	case Stops(score, a.Thresholds):
		v.Outcome, s.Ended = plan.Fail, true
		said += fmt.Sprintf(" is not above the marginal threshold %g", a.Thresholds.Marginal)
	case last && score < a.Thresholds.Pass:
		v.Outcome, v.Limit, s.Ended = plan.Fail, 100-a.Thresholds.Pass, true
		said += fmt.Sprintf(" is below the pass threshold %g", a.Thresholds.Pass)
	case last:
		v.Outcome, v.Limit, s.Ended = plan.Pass, 100-a.Thresholds.Pass, true
		said += fmt.Sprintf(" reaches the pass threshold %g", a.Thresholds.Pass)
	}
	v.Reason = strings.Join(append([]string{said}, why(r)...), "; ")
	for _, m := range r.Results {
		v.Metrics = append(v.Metrics, finding(m, a.limit(m.Name)))
	}
	return v
}

// why names what cost points, the reason of the whole first.
func why(r Result) []string {
	var all []string
	if r.Score.ClassificationReason != "" {
		all = append(all, r.Score.ClassificationReason)
	}
	for _, m := range r.Results {
		if m.Classification != ClassPass && !m.Muted && len(all) < 5 {
			all = append(all, fmt.Sprintf("%s is %s (canary %.4g, baseline %.4g)",
				title(m), m.Classification, float64(m.ExperimentMetadata.Stats.Mean), float64(m.ControlMetadata.Stats.Mean)))
		}
	}
	return all
}

// limit is the ratio up to which a metric may rise; 0 where no ratio is compared.
func (a *analysis) limit(name string) float64 {
	for _, m := range a.Config.Metrics {
		if o, err := m.Options(); err == nil && m.Name == name && o.Effect.Measure == MeanRatio && o.Direction != Decrease {
			return finite(o.Effect.AllowedIncrease)
		}
	}
	return 0
}

// finding turns what was found about a pair into the words of all judges: ratios of the baseline's mean.
func finding(m Analysis, limit float64) plan.Finding {
	control, experiment := m.ControlMetadata.Stats, m.ExperimentMetadata.Stats
	f := plan.Finding{
		Name: title(m), Effect: 1, Low: -unknown, High: unknown, Limit: limit, Unit: plan.Reading,
		Stable: finite(float64(control.Mean)), Canary: finite(float64(experiment.Mean)),
		N:       map[plan.TrackName]int64{plan.Stable: int64(control.Count), plan.Canary: int64(experiment.Count)},
		Outcome: outcome(m),
	}
	if f.Outcome == plan.Fail && !m.Muted {
		f.Evidence = 100
	}
	if m.Test == nil {
		return f
	}
	base := float64(control.Mean)
	f.Effect = ratio(float64(experiment.Mean), base)
	low, high := 1+float64(m.Test.ConfidenceInterval[0])/base, 1+float64(m.Test.ConfidenceInterval[1])/base
	if base == 0 || math.IsNaN(low) || math.IsNaN(high) {
		return f
	}
	f.Low, f.High = finite(math.Min(low, high)), finite(math.Max(low, high))
	return f
}

func outcome(m Analysis) plan.Outcome {
	switch m.Classification {
	case ClassPass:
		return plan.Pass
	case ClassNodata:
		if m.Critical {
			return plan.Fail
		}
		return plan.Insufficient
	case ClassError:
		return plan.Unavailable
	}
	return plan.Fail
}

// title tells the pairs of one metric apart by their tags.
func title(m Analysis) string {
	if len(m.Tags) == 0 {
		return m.Name
	}
	var tags []string
	for _, k := range slices.Sorted(maps.Keys(m.Tags)) {
		tags = append(tags, k+"="+m.Tags[k])
	}
	return m.Name + "{" + strings.Join(tags, ",") + "}"
}

func ratio(a, b float64) float64 {
	if b == 0 && a == 0 {
		return 1
	}
	return finite(a / b)
}

// finite keeps a number within what can be written down.
func finite(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return math.Max(-unknown, math.Min(unknown, f))
}
