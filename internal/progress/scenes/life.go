package scenes

import (
	"fmt"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

func instance(rev plan.Revision, i int) string { return fmt.Sprintf("checkout-%s-%d.1", rev, i) }

func address(rev plan.Revision, i int) string {
	return fmt.Sprintf("http://127.0.0.1:%d", 40000+100*int(rev[len(rev)-1]-'0')+i)
}

// Starting was created this second; no worker has touched it.
func Starting() progress.Facts { return checkout() }

// First is the first release of a target: there is nothing to compare with.
func First() progress.Facts {
	f := checkout()
	f.Release, f.Number, f.History = "checkout-1", 1, nil
	f.Now = at(0, 4)
	f.Plan.Stable, f.Plan.Canary, f.Plan.Promotion, f.Plan.Analyses = "", "v1", 1, nil
	state := plan.State{
		Tracks:  []plan.Track{{Name: plan.Stable, Revision: "v1", Pool: "v1", Capacity: plan.Full}},
		Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole}},
	}
	f.Plan.Steps = []plan.Step{{Name: "start", Origin: origin("start", 0)}, {Name: "done", Origin: origin("end", 0), Desired: state, Rollback: 1}}
	f.Pools = []plan.Pool{pool("v1", 8, 5)}
	f.Route = plan.Route{}
	f.Log = []progress.Event{{At: at(0, 0), Reason: "ReleaseStarted", Text: "release of v1 begins; it is the first"}}
	f.Position = plan.Position{Step: 1, Phase: plan.Progressing, Entered: at(0, 0), Short: at(0, 0), Waiting: &plan.Waiting{
		For: "readiness", Text: "stable v1 has 5 of 8 replicas ready", Since: at(0, 0), Field: "end",
	}}
	return f
}

// Growing waits for the canary's replicas on the way to 20 %.
func Growing() progress.Facts {
	f := reached(one, at(0, 8))
	f.Now = at(2, 20)
	f.Position = plan.Position{Step: twenty, Phase: plan.Progressing, Entered: at(2, 8), Short: at(2, 8), Waiting: &plan.Waiting{
		For: "readiness", Text: "canary v42 has 1 of 2 replicas ready: health check: connection refused", Since: at(2, 8),
		Until: at(12, 8), Then: "rolls back", Field: "spec.steps[1].weight",
	}}
	f.Pools[1] = pool("v42", 2, 1)
	f.Pools[1].Trouble = "health check: connection refused"
	f.Verdicts = map[string]plan.Verdict{"judge": early()}
	f.Log = append(f.Log, progress.Event{At: at(2, 8), Reason: "StepEntered", Text: "on the way to 20%", Step: twenty})
	return f
}

// Holding has reached 20 % and waits for its time.
func Holding() progress.Facts {
	f := reached(twenty, at(2, 31))
	f.Now = at(7, 11)
	f.Position.Waiting = &plan.Waiting{
		For: "time", Text: "holds 20% for 10m0s", Since: at(2, 31), Until: at(12, 31), Then: "goes on", EndBy: "serin promote", Field: "spec.steps[1].weight",
	}
	f.Verdicts = map[string]plan.Verdict{"judge": undecided()}
	return f
}

// Proving holds the last step until the judge has passed the release.
func Proving() progress.Facts {
	f := reached(fifty, at(31, 2))
	f.Now = at(33, 0)
	v := undecided()
	f.Position.Waiting = &plan.Waiting{
		For: "verdict", Text: v.Reason, Since: at(31, 2), Until: at(61, 2), Then: "asks a person", EndBy: "serin promote or serin abort", Field: "spec.judge",
	}
	f.Verdicts = map[string]plan.Verdict{"judge": v}
	f.Waiting = "v43"
	return f
}

// Unavailable cannot measure: the metric store does not answer.
func Unavailable() progress.Facts {
	f := reached(twenty, at(2, 31))
	f.Now = at(35, 0)
	f.Observed = nil
	f.Position.Dark = map[string]time.Time{"judge": at(4, 10)}
	f.Position.Asked = true
	text := "nothing was measured for 30m50s: read counters of canary: connection refused"
	f.Position.Waiting = &plan.Waiting{For: "data", Text: text, Since: at(4, 10), EndBy: "serin promote or serin abort", Field: "spec.judge"}
	f.Verdicts = map[string]plan.Verdict{"judge": {Outcome: plan.Unavailable, Limit: 100, Reason: text}}
	return f
}

// Scarce measures, but too few requests come.
func Scarce() progress.Facts {
	f := reached(one, at(0, 8))
	f.Now = at(5, 0)
	f.Position.Dark = map[string]time.Time{"judge": at(0, 13)}
	f.Position.Waiting = &plan.Waiting{
		For: "data", Text: "the canary has seen 3 requests; about 40 are needed to begin", Since: at(0, 13), Until: at(30, 13), Then: "asks a person",
		EndBy: "serin promote or serin abort", Field: "spec.judge",
	}
	f.Verdicts = map[string]plan.Verdict{"judge": scarce()}
	return f
}

// Approval waits for somebody of the group sre.
func Approval() progress.Facts {
	f := reached(approve, at(12, 31))
	f.Now = at(16, 0)
	f.Position.Asked = true
	f.Position.Waiting = &plan.Waiting{
		For: "approval", Text: "waits for approval by group sre", Since: at(12, 31), Until: at(252, 31), Then: "rolls back",
		EndBy: "serin approve or serin reject", Field: "spec.steps[2].approve",
	}
	f.Verdicts = map[string]plan.Verdict{"judge": undecided()}
	f.Log = append(f.Log, progress.Event{At: at(12, 31), Reason: "Waiting", Text: "waits for approval by group sre", Step: approve})
	f.Outbox = []progress.Hook{
		{Name: "team", Kind: "slack", Event: "entered", Step: twenty, At: at(2, 31), State: "told", Attempts: 1},
		{Name: "oncall", Kind: "webhook", Event: "needsYou", Step: approve, At: at(12, 31), State: "failed", Attempts: 5, Error: "POST https://hooks.example.com: 403 Forbidden"},
	}
	return f
}

// Paused is held by a person.
func Paused() progress.Facts {
	f := Holding()
	act := plan.Act{Verb: plan.Pause, Actor: "ana", Reason: "database migration first", At: at(6, 2)}
	f.Acts, f.Position.Paused = []plan.Act{act}, &act
	f.Position.Waiting = &plan.Waiting{For: "person", Text: "paused by ana: database migration first", Since: act.At, EndBy: "serin resume", Field: "spec.steps[1].weight"}
	f.Log = append(f.Log, progress.Event{At: act.At, Reason: "ActionTaken", Text: "pause by ana: database migration first", Step: twenty})
	return f
}

// Trouble cannot reach its router.
func Trouble() progress.Facts {
	f := Holding()
	f.Trouble = "apply route checkout: connect to router: connection refused"
	f.Route.Pending = "the router has not acknowledged the order of 12:07:03"
	return f
}
