package simulation

import (
	"context"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/world"
)

// A Scenario is what happens to a release in the world.
type Scenario struct {
	Name, Text     string
	Stable, Canary world.Truth
	Weather        world.Weather
	Rate           float64       // requests per second; 0: 100; negative: none
	Quiet          time.Duration // between the first and the second release
	Crash          float64       // probability that the process dies after a write
	CrashAt        int           // the write of the second release after which it dies, from 1; 0: none
	Jumps          float64       // probability, per round, that the clock is set up to an hour forward or back
	People         People
}

// People says how the people of a scenario behave.
type People struct {
	Approve bool // they approve whatever asks for approval
	Reject  bool
}

func (s Scenario) rate() float64 {
	switch {
	case s.Rate == 0:
		return 100
	case s.Rate < 0:
		return 0
	}
	return s.Rate
}

var (
	well = world.Truth{Failure: 0.002}
	rain = world.Weather{CallFails: 0.02, ApplyHidden: 0.02, ScrapeGap: 0.02, CounterReset: 0.0005, RouteLag: 2 * time.Second, PodLoss: 0.001}
)

// Scenarios lists what can be simulated by name.
func Scenarios() []Scenario {
	agree := People{Approve: true}
	return []Scenario{
		{Name: "good", Text: "the new revision is like the old one", Stable: well, Canary: well, People: agree},
		{Name: "errors", Text: "the new revision fails one request in twenty", Stable: well, Canary: world.Truth{Failure: 0.05}, People: agree},
		{Name: "slow", Text: "the new revision takes twice as long", Stable: well, Canary: world.Truth{Failure: 0.002, Latency: 80 * time.Millisecond}, People: agree},
		{Name: "tail", Text: "one answer in thirty of the new revision takes a second longer", Stable: well, Canary: world.Truth{Failure: 0.002, Tail: 0.033}, People: agree},
		{Name: "never-ready", Text: "the new revision never becomes ready", Stable: well, Canary: world.Truth{NeverReady: true}, People: agree},
		{Name: "crash-loop", Text: "replicas of the new revision crash every few seconds", Stable: well, Canary: world.Truth{Failure: 0.002, CrashEvery: 3 * time.Second}, People: agree},
		{Name: "no-traffic", Text: "nobody sends a request", Stable: well, Canary: well, Rate: -1, People: agree},
		{Name: "scarce", Text: "one request in five seconds", Stable: well, Canary: well, Rate: 0.2, People: agree},
		{Name: "rejected", Text: "people reject what asks for approval", Stable: well, Canary: well, People: People{Reject: true}},
		{Name: "unanswered", Text: "nobody answers what asks for approval", Stable: well, Canary: well},
		{Name: "rain", Text: "a good revision; calls fail, scrapes are missing, replicas die, the route lags, the process crashes at one write in fifty", Stable: well, Canary: well, Weather: rain, Crash: 0.02, People: agree},
		{Name: "clock", Text: "a good revision; the clock is set forward and back all the time", Stable: well, Canary: well, Jumps: 0.02, People: agree},
		{Name: "rain-errors", Text: "the same weather, and the new revision fails one request in ten", Stable: well, Canary: world.Truth{Failure: 0.1}, Weather: rain, Crash: 0.02, People: agree},
	}
}

// person is everybody in a simulated world, and a member of every group.
const person = "ana"

func everybody(p plan.Plan) map[string][]string {
	groups := map[string][]string{}
	for _, s := range p.Steps {
		for _, g := range s.Until {
			if g, ok := g.(plan.Approved); ok && g.Group != "" {
				groups[g.Group] = []string{person}
			}
		}
	}
	return groups
}

// people do what their scenario says they do when a release asks for approval.
func (s *simulation) people(status releases.Status) {
	w := status.Position.Waiting
	if w == nil || w.For != "approval" || s.world.Now().Sub(w.Since) < 30*time.Second {
		return
	}
	act := Approval(status.Position, plan.Approve)
	if s.Scenario.People.Reject {
		act.Verb = plan.Reject
	}
	if s.Scenario.People.Reject || s.Scenario.People.Approve {
		s.mortal(func() { _ = s.loop.Act(context.Background(), s.name, act) }) // refused when the release has just moved on: asked again next round
	}
}

func pendingHooks(status releases.Status) bool {
	for _, e := range status.Outbox {
		if e.State == releases.Pending || e.State == releases.UnderWay {
			return true
		}
	}
	return false
}
