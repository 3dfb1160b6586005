package condition

import (
	"fmt"
	"math"
	"strings"

	"serin.dev/serin/internal/plan"
)

// verdict answers a look; trouble is what kept it from being used, or "".
func (j *Judge) verdict(s *state, trouble string) plan.Verdict {
	v := plan.Verdict{Outcome: plan.Pass, Limit: 1}
	decides := -1
	for i, m := range j.Metrics {
		finding := j.finding(m, s.Records[i])
		v.Metrics = append(v.Metrics, finding)
		if limit := float64(m.FailureLimit + 1); !m.DryRun && limit > 0 && finding.Evidence/limit > v.Evidence/v.Limit {
			v.Evidence, v.Limit = finding.Evidence, limit
		}
		if outcome := j.counted(m, s.Records[i], finding.Outcome); rank(outcome) > rank(v.Outcome) {
			v.Outcome, decides = outcome, i
		}
	}
	switch {
	case decides >= 0:
		v.Reason = j.told(decides, s.Records[decides])
	default:
		v.Reason = j.allGood(s)
	}
	switch {
	case v.Outcome == plan.Fail:
		v.Evidence = math.Max(v.Evidence, v.Limit)
	case s.T <= 0:
		v.Outcome, v.Reason = plan.Insufficient, trouble
	case trouble != "":
		v.Reason = trouble
	}
	return v
}

// counted is what a metric means for the release. A dry run is only waited for, as long as it has an end.
func (j *Judge) counted(m Metric, r record, own plan.Outcome) plan.Outcome {
	switch {
	case !m.DryRun:
		return own
	case r.Phase == running && m.Count > 0:
		return plan.Hold
	}
	return plan.Pass
}

// rank orders outcomes: what decides first comes last.
func rank(o plan.Outcome) int {
	for i, known := range []plan.Outcome{plan.Pass, plan.Hold, plan.Insufficient, plan.Unavailable, plan.Fail} {
		if o == known {
			return i
		}
	}
	return 0
}

// outcome says a phase in the words of verdicts.
func (j *Judge) outcome(m Metric, r record) plan.Outcome {
	switch {
	case r.Phase == failed, r.Phase == unanswered && j.Config.Errors == "fail":
		return plan.Fail
	case r.Phase == unanswered:
		return plan.Unavailable
	case r.Phase == inconclusive, r.Count == 0:
		return plan.Insufficient
	case r.Phase == successful, m.Count == 0 && r.SuccessRow > 0: // one without an end never says more than that all is well
		return plan.Pass
	}
	return plan.Hold
}

func (j *Judge) finding(m Metric, r record) plan.Finding {
	return plan.Finding{
		Name: m.Name, Unit: plan.Reading, Evidence: float64(r.Failed), Canary: r.Value,
		N: map[plan.TrackName]int64{plan.Canary: int64(r.Count), plan.Stable: 0}, Outcome: j.outcome(m, r),
	}
}

// told explains a metric: what was last found, and how it stands with its limits.
func (j *Judge) told(i int, r record) string {
	m := j.Metrics[i]
	name := m.Name
	if m.DryRun {
		name += " (dry run)"
	}
	switch {
	case !r.Measured && m.InitialDelay > 0:
		return fmt.Sprintf("%s is first measured after %g s", name, m.InitialDelay)
	case !r.Measured:
		return fmt.Sprintf("%s was not measured yet", name)
	}
	return fmt.Sprintf("%s: %s; %s", name, r.Last, r.Why)
}

// allGood names the first few metrics of a release that passes.
func (j *Judge) allGood(s *state) string {
	var all []string
	for i, r := range s.Records {
		if !j.Metrics[i].DryRun {
			all = append(all, j.told(i, r))
		}
	}
	if len(all) == 0 {
		return "there are only dry runs"
	}
	const few = 3
	text := strings.Join(all[:min(few, len(all))], "; ")
	if len(all) > few {
		text += fmt.Sprintf("; and %d more", len(all)-few)
	}
	return text
}
