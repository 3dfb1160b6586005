package progress

import (
	"slices"
	"time"

	"serin.dev/serin/internal/plan"
)

// waiting tells what is awaited, with the user's own place and complete commands.
func waiting(f Facts) *Waiting {
	w := f.Position.Waiting
	if w == nil {
		return nil
	}
	return &Waiting{
		For: w.For, Text: w.Text, Since: w.Since, Until: w.Until, Then: w.Then,
		EndBy: addressed(w.EndBy, f.Canary), Asked: f.Position.Asked, Place: place(f.Plan, w.Field),
	}
}

func failure(f Facts) *Failure {
	gone := f.Position.Failure
	if gone == nil {
		return nil
	}
	return &Failure{Reason: gone.Reason, Text: gone.Text, Step: gone.Step, At: gone.At, Place: place(f.Plan, gone.Field)}
}

// rule names the engine's rule that decides at present, and says what it says. A release that goes back, or went, names
// the rule that sent it.
func rule(f Facts) Rule {
	at := f.Position
	if at.Failure != nil {
		return failed(at.Failure.Reason)
	}
	if at.Phase == plan.Succeeded {
		return Rule{"over", "the release is over; its last state is kept"}
	}
	if at.Waiting == nil {
		return Rule{"advance", "everything holds: on to the next step"}
	}
	switch at.Waiting.For {
	case "readiness", "route", "drain":
		return Rule{"not yet reached", "a step holds until its state is there: first ready replicas, then traffic, then fewer replicas"}
	case "person":
		return Rule{"paused", "a person holds the release; evidence still rolls it back"}
	case "data":
		return Rule{"gates pending", "without data it neither promotes nor rolls back: ignorance holds"}
	case "verdict":
		return Rule{"gates pending", "this step is left only when the analysis has passed"}
	case "approval":
		return Rule{"gates pending", "this step is left only when a person approves"}
	}
	return Rule{"gates pending", "a step is left when all its gates are open; time is one of them"}
}

func failed(reason string) Rule {
	switch reason {
	case "AnalysisFailed":
		return Rule{"analysis failed", "evidence against the new revision rolls back, at any moment"}
	case "NotReady":
		return Rule{"too late", "a new revision that does not become ready in time rolls back"}
	case "ApprovalExpired":
		return Rule{"gates pending", "an approval that nobody gives in time rolls back"}
	case "Superseded":
		return Rule{"superseded", "a newer revision takes the place of an older one"}
	}
	return Rule{"aborted", "a person sent it back"}
}

// outlook adds up what remains: the holds of all steps, and what takes as long as it takes.
func outlook(f Facts) *Outlook {
	if phase(f.Position) != plan.Progressing {
		return nil
	}
	end, plus := present(f)
	for i := f.Position.Step + 1; i < len(f.Plan.Steps); i++ {
		end = end.Add(hold(f.Plan.Steps[i]))
		for _, g := range f.Plan.Steps[i].Until {
			if p, ok := g.(plan.Passed); !ok || p.Proven { // that somebody looks is a matter of seconds
				plus = append(plus, open(f, g, i)...)
			}
		}
	}
	slices.Sort(plus)
	return &Outlook{Earliest: end, Plus: slices.Compact(plus)}
}

// present tells when the present step can be left at the earliest, and what besides time keeps it.
func present(f Facts) (time.Time, []string) {
	at := f.Position
	s := f.Plan.Steps[at.Step]
	end := f.Now
	if at.Arrived.IsZero() {
		end = end.Add(hold(s))
	} else if due := at.Arrived.Add(hold(s)); due.After(end) {
		end = due
	}
	var plus []string
	if at.Paused != nil {
		plus = append(plus, "a resume")
	}
	for _, g := range s.Until {
		plus = append(plus, open(f, g, at.Step)...)
	}
	return end, plus
}

func hold(s plan.Step) (longest time.Duration) {
	for _, g := range s.Until {
		if after, ok := g.(plan.After); ok {
			longest = max(longest, after.Hold)
		}
	}
	return longest
}

// open tells what a gate still asks for, besides time.
func open(f Facts, g plan.Gate, step int) []string {
	at := f.Position
	switch g := g.(type) {
	case plan.Passed:
		_, passed := at.Passed[g.Analysis]
		_, dark := at.Dark[g.Analysis]
		_, looked := f.Verdicts[g.Analysis]
		if g.Proven && !passed || !g.Proven && (dark || !looked) {
			return []string{gate(g)}
		}
	case plan.Approved:
		if _, granted := at.Granted[step]; !granted {
			return []string{gate(g)}
		}
	}
	return nil
}
