package scenes

import (
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// reached has a release at a step, with the world as the step wants it.
func reached(step int, when time.Time) progress.Facts {
	f := checkout()
	f.Position = plan.Position{Step: step, Phase: plan.Progressing, Entered: when.Add(-7 * time.Second), Arrived: when}
	want := f.Plan.Steps[step].Desired
	share := want.Traffic.Shares[plan.Canary]
	f.Route = route(share)
	if t, ok := want.Track(plan.Canary); ok {
		n := t.Capacity.Of(f.Full)
		f.Pools = append(f.Pools, pool("v42", n, n))
	}
	f.Observed = map[plan.TrackName]float64{plan.Stable: 100.3 - share.Percent(), plan.Canary: share.Percent() - 0.3}
	reachedAt := []time.Time{one: at(0, 8), twenty: at(2, 31), approve: at(12, 31), fifty: at(31, 2)}
	for i := one; i <= step; i++ {
		name := f.Plan.Steps[i].Name
		f.Log = append(f.Log,
			progress.Event{At: reachedAt[i].Add(-7 * time.Second), Reason: "StepEntered", Text: "on the way to " + name, Step: i},
			progress.Event{At: reachedAt[i], Reason: "StepReached", Text: name + " reached", Step: i})
	}
	return f
}

// RollingBack has seen enough: traffic is back, the canary drains.
func RollingBack() progress.Facts {
	f := reached(twenty, at(2, 31))
	f.Now = at(4, 13)
	v := harmful()
	f.Position.Failure = &plan.Failure{Reason: "AnalysisFailed", Text: v.Reason, Step: twenty, At: at(4, 11), Field: "spec.judge", Verdict: &v}
	f.Position.Step, f.Position.Phase, f.Position.Entered, f.Position.Arrived = start, plan.RollingBack, at(4, 11), time.Time{}
	f.Position.Waiting = &plan.Waiting{For: "drain", Text: "requests under way finish before replicas go: v42 (2 of 2 replicas still there)", Since: at(4, 11), Field: "start"}
	f.Route = route(0)
	f.Observed = map[plan.TrackName]float64{plan.Stable: 99.6, plan.Canary: 0.4}
	f.Verdicts = map[string]plan.Verdict{"judge": v}
	f.Log = append(f.Log, progress.Event{At: at(4, 11), Reason: "RollingBack", Text: "goes back to start: " + v.Reason, Step: start})
	return f
}

// RolledBack is over; stable has everything again.
func RolledBack() progress.Facts {
	f := RollingBack()
	f.Now = at(65, 0)
	f.Position.Phase, f.Position.Waiting, f.Position.Ended = plan.Returned, nil, at(4, 14)
	f.Pools = f.Pools[:1]
	f.Observed = nil
	text := f.Position.Failure.Text
	f.Log = append(f.Log, progress.Event{At: at(4, 14), Reason: "RolledBack", Text: text + ", stable is v41 again", Step: start})
	f.History = append(f.History, progress.Line{Release: "checkout-7", From: "v41", To: "v42", Phase: plan.Returned, Reason: text, Began: at(0, 0), Ended: at(4, 14)})
	return f
}

// Superseded went back because v43 came.
func Superseded() progress.Facts {
	f := RolledBack()
	text := "revision v43 takes its place"
	f.Now = at(4, 20)
	f.Waiting = "v43"
	f.Position.Phase = plan.Superseded
	f.Position.Failure = &plan.Failure{Reason: "Superseded", Text: text, Step: twenty, At: at(4, 11)}
	f.Verdicts = map[string]plan.Verdict{"judge": undecided()}
	f.Log = append(f.Log[:len(f.Log)-2], progress.Event{At: at(4, 14), Reason: "Superseded", Text: text + ", stable is v41 again", Step: start})
	last := &f.History[len(f.History)-1]
	last.Phase, last.Reason = plan.Superseded, text
	return f
}

// Skipped is on its way to the end because a person promoted it at 1 %.
func Skipped() progress.Facts {
	f := reached(one, at(0, 8))
	f.Now = at(1, 20)
	f.Acts = []plan.Act{{Verb: plan.Promote, Actor: "ana", Reason: "hotfix", At: at(1, 0)}}
	f.Position = plan.Position{Step: promote, Phase: plan.Progressing, Entered: at(1, 0), Short: at(1, 0), Waiting: &plan.Waiting{
		For: "readiness", Text: "canary v42 has 6 of 8 replicas ready", Since: at(1, 0), Until: at(11, 0), Then: "rolls back", Field: "promotion",
	}}
	f.Pools[1] = pool("v42", 8, 6)
	f.Verdicts = map[string]plan.Verdict{"judge": early()}
	f.Log = append(f.Log,
		progress.Event{At: at(1, 0), Reason: "ActionTaken", Text: "promote by ana: hotfix", Step: one},
		progress.Event{At: at(1, 0), Reason: "StepEntered", Text: "on the way to promote", Step: promote})
	return f
}

// Promoted is over; v42 is stable.
func Promoted() progress.Facts {
	f := reached(fifty, at(31, 2))
	f.Now = at(50, 0)
	f.Acts = []plan.Act{{Verb: plan.Approve, Actor: "ana", At: at(30, 40)}}
	f.Position = plan.Position{Step: done, Phase: plan.Succeeded, Entered: at(38, 20), Arrived: at(38, 41), Ended: at(38, 41)}
	f.Position.Passed = map[string]time.Time{"judge": at(38, 2)}
	f.Pools = []plan.Pool{pool("v42", 8, 8)}
	f.Route = route(0)
	f.Route.Pools = map[plan.TrackName]plan.PoolName{plan.Stable: "v42"}
	f.Observed = nil
	f.Verdicts = map[string]plan.Verdict{"judge": harmless()}
	f.Log = append(f.Log, progress.Event{At: at(38, 41), Reason: "Promoted", Text: "v42 is stable", Step: done})
	f.History = append(f.History, progress.Line{Release: "checkout-7", From: "v41", To: "v42", Phase: plan.Succeeded, Began: at(0, 0), Ended: at(38, 41)})
	return f
}
