package native

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// Report says the progress of a release as its Canary's status. Before is the last status; notes are what the compiler warned
// of in the spec that was read last, and generation is that spec's.
//
// Tools that follow kstatus see InProgress while the release moves or waits, for whomever; Current once it was promoted;
// Failed once it was rolled back, so that whoever waits stops at once although users are well served. A release that is
// superseded is in progress: the next one follows.
//
// The status changes with the great events of a release only, not with its steps: where nothing but words and times would
// change, before is returned as it was (see settle).
func Report(before v1alpha1.CanaryStatus, r progress.Release, notes compile.Notes, generation int64) v1alpha1.CanaryStatus {
	s := before
	s.Stable, s.Release, s.Diagnostics = string(r.From), r.Name, diagnostics(notes)
	if r.Phase == plan.Succeeded {
		s.Stable = string(r.To)
	}
	switch reason, message := tidings(r); r.Phase {
	case plan.Succeeded:
		return settle(before, s, generation, r.At, current(reason, message))
	case plan.Returned:
		return settle(before, s, generation, r.At, failed(reason, message))
	default:
		return settle(before, s, generation, r.At, moving(reason, message))
	}
}

// Idle says that nothing is being released: stable, which may not be known yet, is what users get, and a change of the
// target is awaited.
func Idle(before v1alpha1.CanaryStatus, stable plan.Revision, notes compile.Notes, generation int64, now time.Time) v1alpha1.CanaryStatus {
	s := before
	s.Stable, s.Diagnostics = string(stable), diagnostics(notes)
	return settle(before, s, generation, now, current("Idle", "waits for a change of the target"))
}

// Refused says that the spec was not understood, or asks for what cannot be done. What runs goes on running as reported
// before.
func Refused(before v1alpha1.CanaryStatus, notes compile.Notes, generation int64, now time.Time) v1alpha1.CanaryStatus {
	s := before
	s.Diagnostics = diagnostics(notes)
	message := "the spec is refused"
	for _, d := range s.Diagnostics {
		if d.Severity == string(compile.Error) {
			message = d.Message
			if d.Field != "" {
				message = d.Field + ": " + message
			}
			break
		}
	}
	return settle(before, s, generation, now, failed("Refused", message))
}

// Blocked says that something about the cluster keeps a release from beginning or from going on, which may mend itself: the
// target is not there yet, another Canary owns it. Whoever waits goes on waiting.
func Blocked(before v1alpha1.CanaryStatus, reason, message string, generation int64, now time.Time) v1alpha1.CanaryStatus {
	s := before
	conditions := moving(reason, message)
	conditions[0].Status = metav1.ConditionFalse
	return settle(before, s, generation, now, conditions)
}

// settle gives a status its conditions. The reason word, stable, the release, the diagnostics and the generation are what
// counts: while they are the same, so are all words and times, and the whole status is that from before.
func settle(before, s v1alpha1.CanaryStatus, generation int64, now time.Time, conditions []metav1.Condition) v1alpha1.CanaryStatus {
	s.ObservedGeneration, s.Conditions = generation, nil
	same := s.Release == before.Release && s.Stable == before.Stable && slices.Equal(s.Diagnostics, before.Diagnostics)
	for _, c := range conditions {
		c.ObservedGeneration, c.LastTransitionTime = generation, metav1.NewTime(now.UTC().Truncate(time.Second))
		for _, old := range before.Conditions {
			if old.Type != c.Type || old.Status != c.Status {
				continue
			}
			c.LastTransitionTime = old.LastTransitionTime
			if same && old.Reason == c.Reason {
				c.Message = old.Message
			}
		}
		s.Conditions = append(s.Conditions, c)
	}
	s.Message = s.Conditions[0].Message
	return s
}

func current(reason, message string) []metav1.Condition {
	return []metav1.Condition{{Type: v1alpha1.Ready, Status: metav1.ConditionTrue, Reason: reason, Message: message}}
}

func failed(reason, message string) []metav1.Condition {
	return []metav1.Condition{
		{Type: v1alpha1.Ready, Status: metav1.ConditionFalse, Reason: reason, Message: message},
		{Type: v1alpha1.Stalled, Status: metav1.ConditionTrue, Reason: reason, Message: message},
	}
}

func moving(reason, message string) []metav1.Condition {
	return []metav1.Condition{
		{Type: v1alpha1.Ready, Status: metav1.ConditionUnknown, Reason: reason, Message: message},
		{Type: v1alpha1.Reconciling, Status: metav1.ConditionTrue, Reason: reason, Message: message},
	}
}

// tidings are one word and one line for a release. Words come and go with people and with ends, not with steps; the line
// must stay true while the word does.
func tidings(r progress.Release) (reason, message string) {
	switch r.Phase {
	case plan.Succeeded:
		return string(r.Phase), fmt.Sprintf("%s is stable", r.To)
	case plan.RollingBack, plan.Returned, plan.Superseded:
		reason, message = string(r.Phase), fmt.Sprintf("release %s goes back to %s", r.Name, cmp.Or(string(r.From), "nothing"))
		if r.Failure != nil {
			message = r.Failure.Text
		}
		if r.Phase == plan.Returned && r.Failure != nil {
			reason = r.Failure.Reason
		}
		return reason, message
	}
	about := fmt.Sprintf("release %s of %s ", r.Name, r.To)
	switch w := r.Waiting; {
	case w == nil:
	case w.For == "approval":
		return "AwaitingApproval", about + "waits for an approval"
	case w.Asked:
		return "AwaitingDecision", about + "has too little data to go on, and asks a person to decide"
	case w.For == "person":
		return "Paused", about + "is paused"
	}
	return string(plan.Progressing), about + "is under way"
}

// diagnostics are the notes on the user's fields, errors first, as many as fit a status.
func diagnostics(notes compile.Notes) []v1alpha1.Diagnostic {
	const most, longest = 32, 1024
	var errors, warnings []v1alpha1.Diagnostic
	for _, n := range notes {
		d := v1alpha1.Diagnostic{Field: n.Origin.Field, Severity: string(n.Severity), Message: n.Message}
		if len(d.Message) > longest {
			d.Message = d.Message[:longest] + "..."
		}
		if n.Severity == compile.Error {
			errors = append(errors, d)
		} else {
			warnings = append(warnings, d)
		}
	}
	all := append(errors, warnings...)
	return all[:min(len(all), most)]
}
