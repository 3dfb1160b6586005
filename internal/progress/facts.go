package progress

import (
	"time"

	"serin.dev/serin/internal/plan"
)

// Facts are all that is known of a release at one instant.
type Facts struct {
	Release string // its name: "checkout-3"
	Canary  string // the policy it comes from: "checkout"
	Target  string // "Process/checkout"
	Number  int    // of the release, per target
	Attempt int    // of this revision, from 1
	Full    int    // replicas that carry all traffic
	Created time.Time
	Now     time.Time // its location is the one in which sentences tell the time

	Plan     plan.Plan
	Position plan.Position
	Verdicts map[string]plan.Verdict // the latest of each analysis
	Trails   map[string]plan.Trail   // what each analysis saw on its way
	Acts     []plan.Act              // what people did, in order
	Pools    []plan.Pool
	Route    plan.Route
	Observed map[plan.TrackName]float64 // share actually measured, in per cent; nil: not measured

	Log     []Event // oldest first
	Trouble string  // why the last try to observe or act did not work; empty when it did
	Waiting string  // a newer revision that waits for its turn
	Outbox  []Hook  // hooks that have to be told, and those that were
	History []Line  // finished releases of the target, newest last
}

// Of tells a release to people.
func Of(f Facts) Release {
	r := Release{
		Format: Format, Name: f.Release, Canary: f.Canary, Target: f.Target, Number: f.Number, Attempt: f.Attempt,
		At: f.Now, Created: f.Created, Ended: f.Position.Ended,
		Phase: phase(f.Position), From: f.Plan.Stable, To: f.Plan.Canary,
		Step: f.Position.Step, Steps: len(f.Plan.Steps) - 1,
		Rail: rail(f), Tracks: tracks(f), Pending: f.Route.Pending, Special: special(f.Route.Traffic),
		Analyses: analyses(f), Acts: acts(f.Acts),
		Events: f.Log, Hooks: f.Outbox, History: f.History,
		Trouble: f.Trouble, Next: f.Waiting,
	}
	r.StepName = f.Plan.Steps[f.Position.Step].Name
	r.Waiting, r.Failure = waiting(f), failure(f)
	r.Doing, r.Rule, r.Outlook = doing(f), rule(f), outlook(f)
	r.Headline = headline(f, r)
	return r
}

// phase of a release that no worker has touched yet is the one it begins with.
func phase(at plan.Position) plan.Phase {
	if at.Phase == "" {
		return plan.Progressing
	}
	return at.Phase
}

func acts(done []plan.Act) []Act {
	var told []Act
	for _, a := range done {
		told = append(told, Act{Verb: a.Verb, Actor: a.Actor, Reason: a.Reason, Step: a.Step, At: a.At})
	}
	return told
}
