package scenes

import (
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// A Scene is a release at one moment.
type Scene struct {
	Name  string
	Facts progress.Facts
}

// All returns every scene, in the order of a release's life.
func All() []Scene {
	return []Scene{
		{"starting", Starting()},
		{"first", First()},
		{"growing", Growing()},
		{"holding", Holding()},
		{"proving", Proving()},
		{"unavailable", Unavailable()},
		{"scarce", Scarce()},
		{"approval", Approval()},
		{"paused", Paused()},
		{"trouble", Trouble()},
		{"rolling-back", RollingBack()},
		{"rolled-back", RolledBack()},
		{"superseded", Superseded()},
		{"skipped", Skipped()},
		{"promoted", Promoted()},
	}
}

// noon is when the releases of all scenes began.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func at(minutes, seconds int) time.Time {
	return noon.Add(time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second)
}

// The steps of the plan.
const (
	start = iota
	one
	twenty
	approve
	fifty
	promote
	done
)

// checkout is the release every scene begins with: v41 to v42, just created.
func checkout() progress.Facts {
	return progress.Facts{
		Release: "checkout-7", Canary: "checkout", Target: "Process/checkout", Number: 7, Attempt: 1, Full: 8,
		Created: at(0, 0), Now: at(0, 1), Plan: course(),
		Position: plan.Position{},
		Pools:    []plan.Pool{pool("v41", 8, 8)},
		Route:    route(0),
		Log:      []progress.Event{{At: at(0, 0), Reason: "ReleaseStarted", Text: "release of v42 begins; stable is v41"}},
		History: []progress.Line{
			{Release: "checkout-5", From: "v39", To: "v40", Phase: plan.Returned, Reason: "failures 6.2x stable [3.1..12], limit 1.1x", Began: at(-2900, 0), Ended: at(-2896, 0)},
			{Release: "checkout-6", From: "v39", To: "v41", Phase: plan.Succeeded, Began: at(-1440, 0), Ended: at(-1402, 0)},
		},
	}
}

func course() plan.Plan {
	return plan.Plan{
		Target: "Process/checkout", Stable: "v41", Canary: "v42", Promotion: promote,
		Steps: []plan.Step{
			step("start", "start", 0, 0, 1000),
			step("1%", "spec.steps[0].weight", 14, 10, 1000, plan.After{Hold: 2 * time.Minute}, looking()),
			step("20%", "spec.steps[1].weight", 15, 200, 1000, plan.After{Hold: 10 * time.Minute}, looking()),
			step("approve by sre", "spec.steps[2].approve", 16, 200, 1000, plan.Approved{Group: "sre", Within: 4 * time.Hour}),
			step("50%", "spec.steps[3].weight", 17, 500, 1000, proven()),
			step("promote", "promotion", 0, 1000, 1000),
			{Name: "done", Origin: origin("end", 0), Rollback: done, Desired: plan.State{
				Tracks:  []plan.Track{{Name: plan.Stable, Revision: "v42", Pool: "v42", Capacity: plan.Full}},
				Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole}},
			}},
		},
		Analyses: []plan.Analysis{{
			Name: "judge", Origin: origin("spec.judge", 18), From: one, To: promote, Every: 5 * time.Second,
			Source: plan.Use{Kind: "proxy"}, Judge: plan.Use{Kind: "sequential"},
		}},
	}
}

func looking() plan.Gate { return plan.Passed{Analysis: "judge", Within: 30 * time.Minute} }

func proven() plan.Gate {
	return plan.Passed{Analysis: "judge", Proven: true, Within: 30 * time.Minute}
}

func origin(field string, line int) plan.Origin {
	return plan.Origin{File: "app.yaml", Line: line, Object: "Canary checkout", Field: field}
}

func step(name, field string, line int, canary, stable plan.Share, until ...plan.Gate) plan.Step {
	s := plan.Step{Name: name, Origin: origin(field, line), Until: until, Within: 10 * time.Minute}
	s.Desired.Tracks = []plan.Track{{Name: plan.Stable, Revision: "v41", Pool: "v41", Capacity: plan.Capacity{Share: stable}}}
	if canary > 0 {
		s.Desired.Tracks = append(s.Desired.Tracks, plan.Track{Name: plan.Canary, Revision: "v42", Pool: "v42", Capacity: plan.Capacity{Share: canary}})
	}
	s.Desired.Traffic = plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}}
	return s
}

// pool has some of its replicas ready and the rest on their way.
func pool(rev plan.Revision, wanted, ready int) plan.Pool {
	p := plan.Pool{Name: plan.PoolName(rev), Revision: rev, Wanted: wanted, Ready: ready, Updated: ready, Running: wanted}
	for i := range ready {
		p.Endpoints = append(p.Endpoints, plan.Endpoint{Instance: instance(rev, i), URL: address(rev, i)})
	}
	return p
}

func route(canary plan.Share) plan.Route {
	return plan.Route{
		Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}},
		Pools:   map[plan.TrackName]plan.PoolName{plan.Stable: "v41", plan.Canary: "v42"},
		Busy:    map[string]int{instance("v41", 0): 3},
	}
}
