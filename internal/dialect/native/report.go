package native

import (
	"time"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// Conditions of a Canary. Reconciling and Stalled are there only while they are true (kstatus: abnormal-true).
const (
	ready       = "Ready"
	reconciling = "Reconciling"
	stalled     = "Stalled"
)

// Report says the progress of a release as its Canary's status. Before is the last status, whose times stay where nothing
// changed; generation is that of the spec the release was compiled from.
//
// Tools that follow kstatus see InProgress while the release moves or waits, for whomever; Current once it was promoted;
// Failed once it was rolled back, so that whoever waits stops at once although users are well served. A release that is
// superseded is in progress: the next one follows.
func Report(before v1alpha1.CanaryStatus, r progress.Release, generation int64) v1alpha1.CanaryStatus {
	s := v1alpha1.CanaryStatus{
		ObservedGeneration: generation, Phase: string(r.Phase), Stable: string(r.From), Canary: string(r.To),
		Step: r.StepName, StepIndex: r.Step, Steps: r.Steps + 1, Weight: weight(r), Message: r.Headline,
	}
	if r.Phase == plan.Succeeded {
		s.Stable = s.Canary
	}
	for _, c := range conditions(r) {
		s.Conditions = append(s.Conditions, since(before, c, generation, r.At))
	}
	return s
}

// Refused says that the spec was not understood, or asks for what cannot be done. What runs goes on running as reported
// before.
func Refused(before v1alpha1.CanaryStatus, notes compile.Notes, generation int64, now time.Time) v1alpha1.CanaryStatus {
	s := before
	s.ObservedGeneration, s.Conditions = generation, nil
	for _, n := range notes {
		if n.Severity == compile.Error {
			s.Message = n.String()
			break
		}
	}
	for _, c := range []v1alpha1.StatusCondition{
		{Type: ready, Status: "False", Reason: "Refused", Message: s.Message},
		{Type: stalled, Status: "True", Reason: "Refused", Message: s.Message},
	} {
		s.Conditions = append(s.Conditions, since(before, c, generation, now))
	}
	return s
}

// conditions are those of a release in its phase.
func conditions(r progress.Release) []v1alpha1.StatusCondition {
	switch r.Phase {
	case plan.Succeeded:
		return []v1alpha1.StatusCondition{{Type: ready, Status: "True", Reason: "Promoted", Message: r.Headline}}
	case plan.Returned:
		reason, message := string(plan.Returned), r.Headline
		if r.Failure != nil {
			reason, message = r.Failure.Reason, r.Failure.Text
		}
		return []v1alpha1.StatusCondition{
			{Type: ready, Status: "False", Reason: reason, Message: message},
			{Type: stalled, Status: "True", Reason: reason, Message: message},
		}
	}
	return []v1alpha1.StatusCondition{
		{Type: ready, Status: "Unknown", Reason: reason(r), Message: r.Headline},
		{Type: reconciling, Status: "True", Reason: reason(r), Message: r.Headline},
	}
}

// reason is one word for what a release that is not over does. Words do not change with every look.
func reason(r progress.Release) string {
	if r.Phase != plan.Progressing || r.Waiting == nil {
		return string(r.Phase)
	}
	words := map[string]string{
		"approval": "AwaitingApproval", "data": "AwaitingData", "person": "Paused", "verdict": "AwaitingProof",
		"readiness": "AwaitingReadiness",
	}
	if r.Waiting.Asked && r.Waiting.For != "approval" {
		return "AwaitingDecision"
	}
	if word, ok := words[r.Waiting.For]; ok {
		return word
	}
	return string(r.Phase)
}

// since gives a condition its times: that of the last status where its status is the same, else now.
func since(before v1alpha1.CanaryStatus, c v1alpha1.StatusCondition, generation int64, now time.Time) v1alpha1.StatusCondition {
	c.ObservedGeneration = generation
	c.LastTransitionTime = now.UTC().Format(time.RFC3339)
	for _, old := range before.Conditions {
		if old.Type == c.Type && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return c
}

// weight is the canary's share as the router does it now. Once the canary is stable it has everything.
func weight(r progress.Release) v1alpha1.Percent {
	if r.Phase == plan.Succeeded {
		return v1alpha1.Percent(plan.Whole.String())
	}
	for _, t := range r.Tracks {
		if t.Name == plan.Canary {
			return v1alpha1.Percent(plan.Share(t.Traffic.Applied*10 + 0.5).String())
		}
	}
	return v1alpha1.Percent(plan.Share(0).String())
}
