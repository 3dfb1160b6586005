package simulation

import (
	"context"
	"fmt"
	"io"
	"maps"
	"time"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases/memory"
	"serin.dev/serin/internal/world"
)

// A Story is one simulated release.
type Story struct {
	First, Second plan.Plan // the release that brings stable, and the one that is told about
	Scenario      Scenario
	Seed          uint64
	Judge         func(plan.Use) (judge.Judge, error)
	Decide        func(plan.Plan, plan.Position, engine.Sight) engine.Decision // nil: the engine's own
	Looked        func(reconcile.Looking)                                      // told of every look; nil: nobody keeps them
	Stores        map[string]metric.Store                                      // beside the world's own, for queries; they outlive the process
	Out           io.Writer                                                    // transcript; nil: none
	Checkpoint    time.Duration                                                // of the loop; with it the route remembers since when it does what it does
	Limit         time.Duration                                                // simulated time after which it is not followed further; 0: 3 hours
}

// An Ending is what came of a story.
type Ending struct {
	Position plan.Position
	Took     time.Duration // simulated, from the beginning of the second release
	Canary   int64         // requests the new revision answered
	Lost     int64         // requests nobody could answer
	Broken   []string      // promises that were broken
	Looked   int64         // requests that judges were shown
	Writes   int           // of the record
	Told     map[string]int
}

// A simulation under way.
type simulation struct {
	Story
	world  *world.World
	store  *memory.Store
	loop   *reconcile.Loop
	name   string // of the release under way
	took   time.Duration
	watch  *watch
	script Transcript
	writes int // of the release that is told about
}

// Run tells the story to its end.
func Run(s Story) (Ending, error) {
	if s.Limit == 0 {
		s.Limit = 3 * time.Hour
	}
	sim := &simulation{Story: s, world: world.New(s.Seed), store: memory.New()}
	sim.world.RouteRemembers = s.Checkpoint > 0
	sim.watch = newWatch(sim)
	sim.world.Rate = s.Scenario.rate()
	sim.restart()
	if err := sim.release(s.First); err != nil {
		return Ending{}, err
	}
	sim.world.Pass(s.Scenario.Quiet)
	sim.unleash()
	if err := sim.release(s.Second); err != nil {
		return Ending{}, err
	}
	_, status, err := sim.store.Release(sim.name)
	if err != nil {
		return Ending{}, err
	}
	sim.watch.finish(status)
	return Ending{
		Position: status.Position, Took: sim.took,
		Canary: sim.world.Canary, Lost: sim.world.Lost, Broken: sim.watch.broken(), Looked: sim.watch.looked, Writes: sim.writes, Told: sim.world.Told(),
	}, nil
}

// unleash turns the scenario's weather on, once stable stands.
func (s *simulation) unleash() {
	s.world.Released = s.Second.Canary
	s.world.Truths[s.Second.Stable] = s.Scenario.Stable
	s.world.Truths[s.Second.Canary] = s.Scenario.Canary
	s.world.Weather = s.Scenario.Weather
	s.world.Sent, s.world.Failed, s.world.Lost, s.world.Canary = 0, 0, 0, 0
	s.store.After = s.crash
}

// release brings one plan to its end, or to the limit of what is followed.
func (s *simulation) release(p plan.Plan) error {
	name, err := s.begin(Beginning("shop", p, plan.Use{Kind: "proxy"}))
	if err != nil {
		return fmt.Errorf("begin simulated release: %w", err)
	}
	s.took = 0
	s.name, s.script = name, Transcript{}
	if p.Stable != "" {
		s.script.Out = s.Out
	}
	s.watch.before = plan.Position{}
	for left := s.Limit; left > 0; {
		wait := s.round()
		_, status, err := s.store.Release(s.name)
		if err != nil {
			return err
		}
		s.watch.round(p, status)
		s.script.Show(status, s.world.Now())
		if status.Position.Phase.Over() && !pendingHooks(status) {
			return nil
		}
		s.people(status)
		s.jump()
		wait = min(max(wait, 100*time.Millisecond), 5*time.Second)
		s.world.Pass(wait)
		left, s.took = left-wait, s.took+wait
	}
	return nil
}

// begin survives a crash in the middle of the write, as a person who asks again does.
func (s *simulation) begin(b reconcile.Beginning) (name string, err error) {
	for range 100 {
		if crashed := s.mortal(func() { name, err = s.loop.Begin(b) }); !crashed {
			return name, err
		}
		target, err := s.store.Target(b.Plan.Target)
		if err != nil {
			return "", err
		}
		if r, _, err := s.store.Release(target.Latest); err == nil && r.Plan.Canary == b.Plan.Canary {
			return r.Name, nil
		}
	}
	return "", fmt.Errorf("the process crashes at every write")
}

// round is one turn of the loop: one round with the release, then its outbox. Errors are what the weather brings; coming
// again soon is all there is to do.
func (s *simulation) round() (wait time.Duration) {
	ctx := context.Background()
	s.mortal(func() {
		var err error
		if wait, err = s.loop.Advance(ctx, s.name); err != nil {
			wait = time.Second
			return
		}
		if again, err := s.loop.Tell(ctx, s.name); err == nil && again > 0 {
			wait = min(wait, again)
		}
	})
	return wait
}

// restart gives the release a new process: memory is gone, the record and the world are what they were.
func (s *simulation) restart() {
	means := Means(s.world, s.store, s.Second, s.watch.judge(s.Judge))
	means.Decide, means.Checkpoint, means.Looked = s.Decide, s.Checkpoint, s.Looked
	maps.Copy(means.Metrics, s.Stores)
	s.loop = reconcile.New(means)
}

// A death is what a crash looks like from inside.
type death struct{}

// crash kills the process right after some of its writes.
func (s *simulation) crash(string) {
	s.writes++
	if s.writes == s.Scenario.CrashAt || s.Scenario.Crash > 0 && s.watch.dice.Float64() < s.Scenario.Crash {
		panic(death{})
	}
}

// jump sets the clock, if the scenario has it so.
func (s *simulation) jump() {
	if s.Scenario.Jumps > 0 && s.watch.dice.Float64() < s.Scenario.Jumps {
		s.world.Jump(time.Duration((s.watch.dice.Float64()*2 - 1) * float64(time.Hour)))
	}
}

// mortal runs a part of the process's life, and starts a new process if it dies.
func (s *simulation) mortal(live func()) (died bool) {
	defer func() {
		switch p := recover(); p.(type) {
		case nil:
		case death:
			died = true
			s.restart()
		default:
			panic(p)
		}
	}()
	live()
	return false
}
