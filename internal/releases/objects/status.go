package objects

import (
	"cmp"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// statusOf says where a release stands for people and their programs, and keeps the record beside it. It is a function of the
// record alone, times included: what is told changes exactly when the record does.
func statusOf(r releases.Release, s releases.Status) (v1alpha1.ReleaseStatus, error) {
	record, err := pack(statusRecord{releases.Format, s})
	if err != nil {
		return v1alpha1.ReleaseStatus{}, err
	}
	at := s.Position
	told := v1alpha1.ReleaseStatus{
		ObservedGeneration: 1, // a Release has one generation: its spec never changes
		Phase:              string(cmp.Or(at.Phase, plan.Progressing)),
		StepIndex:          int64(at.Step), Steps: int64(len(r.Plan.Steps)),
		Conditions: conditions(r, at), Record: record,
	}
	if at.Step >= 0 && at.Step < len(r.Plan.Steps) {
		step := r.Plan.Steps[at.Step]
		told.Step, told.Weight = step.Name, weight(r.Plan, at)
	}
	if w := at.Waiting; w != nil && !at.Phase.Over() {
		told.Waiting = short(w.Text)
	}
	since := metav1.NewTime(moment(at.Ended, at.Entered, r.Created))
	told.Since = &since
	return told, nil
}

// weight is the canary's share of the requests as the step wants it. Once the canary is stable it has everything.
func weight(p plan.Plan, at plan.Position) string {
	if at.Phase == plan.Succeeded || at.Step == len(p.Steps)-1 {
		return plan.Whole.String()
	}
	return p.Steps[at.Step].Desired.Traffic.Shares[plan.Canary].String()
}

// conditions follow kstatus: InProgress, Current once promoted, Failed once anything else is the end.
func conditions(r releases.Release, at plan.Position) []metav1.Condition {
	reason, message := reason(at), short(summary(r, at))
	condition := func(kind string, status metav1.ConditionStatus, since time.Time) metav1.Condition {
		return metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: 1, LastTransitionTime: metav1.NewTime(since),
		}
	}
	began, ended := moment(r.Created), moment(at.Ended, at.Entered, r.Created)
	switch {
	case at.Phase == plan.Succeeded:
		return []metav1.Condition{condition(v1alpha1.Ready, metav1.ConditionTrue, ended)}
	case at.Phase.Over():
		return []metav1.Condition{
			condition(v1alpha1.Ready, metav1.ConditionFalse, ended), condition(v1alpha1.Stalled, metav1.ConditionTrue, ended),
		}
	}
	return []metav1.Condition{
		condition(v1alpha1.Ready, metav1.ConditionUnknown, began), condition(v1alpha1.Reconciling, metav1.ConditionTrue, began),
	}
}

// reason is one word for what a release does.
func reason(at plan.Position) string {
	if at.Phase.Over() && at.Failure != nil {
		return cmp.Or(at.Failure.Reason, string(at.Phase))
	}
	if at.Phase.Over() || at.Phase == plan.RollingBack || at.Waiting == nil {
		return string(cmp.Or(at.Phase, plan.Progressing))
	}
	words := map[string]string{
		"approval": "AwaitingApproval", "data": "AwaitingData", "person": "Paused", "verdict": "AwaitingProof", "readiness": "AwaitingReadiness",
	}
	if at.Asked && at.Waiting.For != "approval" {
		return "AwaitingDecision"
	}
	return cmp.Or(words[at.Waiting.For], string(plan.Progressing))
}

// summary is one sentence.
func summary(r releases.Release, at plan.Position) string {
	switch {
	case at.Phase == plan.Succeeded:
		return string(r.Plan.Canary) + " is stable"
	case at.Failure != nil && at.Failure.Text != "":
		return at.Failure.Text
	case at.Waiting != nil && at.Waiting.Text != "":
		return at.Waiting.Text
	}
	return "release of " + string(r.Plan.Canary)
}

// short cuts what a back end may have written at length; the record has all of it.
func short(text string) string {
	const longest = 1024
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "..."
}

// moment is the first of the times that is one, in the precision that objects have.
func moment(times ...time.Time) time.Time { return cmp.Or(times...).UTC().Truncate(time.Second) }
