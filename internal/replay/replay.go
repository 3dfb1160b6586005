package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/memory"
	"serin.dev/serin/internal/simulation"
	"serin.dev/serin/internal/world"
)

// A Replay is one release against a recording.
type Replay struct {
	Draft compile.Draft
	Tape  Tape
	Start time.Time // when the release begins; zero: where the recorded one did
	End   time.Time // where the recording ends; zero: at its last frame
	Judge func(plan.Use) (judge.Judge, error)
	Out   io.Writer // transcript; nil: none
	Keep  io.Writer // the frames that were played, as a recording; nil: nobody wants them
}

// A replaying is under way.
type replaying struct {
	Replay
	player player
	world  *world.World
	store  *memory.Store
	loop   *reconcile.Loop
	plan   plan.Plan
	name   string
	script simulation.Transcript
	result Result
}

// Rounds in which the world comes to rest, and longest time between two.
const (
	shortest  = 100 * time.Millisecond
	longest   = 5 * time.Second
	settle    = 2 * time.Minute // for stable to stand before the recording begins
	aftermath = time.Hour       // for a release to end after the recording has
)

// Run plays the recording to its end and says what came of it.
func Run(ctx context.Context, r Replay) (Result, error) {
	p, first, err := begin(ctx, r)
	if err != nil {
		return Result{}, err
	}
	if err := p.stand(ctx, first); err != nil {
		return Result{}, err
	}
	if err := p.history(ctx); err != nil {
		return Result{}, err
	}
	if err := p.release(ctx); err != nil {
		return Result{}, err
	}
	return p.sum(ctx)
}

func begin(ctx context.Context, r Replay) (*replaying, plan.Plan, error) {
	p := &replaying{Replay: r, world: world.New(1), store: memory.New()}
	p.player = player{tape: r.Tape, until: r.End}
	if r.Start.IsZero() {
		p.Start = r.Tape.Head().Start
	}
	if r.Keep != nil {
		h := r.Tape.Head()
		h.Start = p.Start
		var err error
		if p.player.keep, err = NewWriter(r.Keep, h); err != nil {
			return nil, plan.Plan{}, err
		}
	}
	if rev := r.Tape.Head().Tracks[plan.Canary]; rev != "" {
		p.Draft.Target.Revision = rev
	}
	first, second, err := simulation.Compile(p.Draft, p.world)
	if err == nil {
		p.plan, p.player.whom, err = redirect(second)
	}
	if err != nil {
		return nil, first, err
	}
	p.script.Out, p.world.Rate = r.Out, 0
	means := simulation.Means(p.world, p.store, p.plan, p.player.watched(r.Judge))
	for kind := range means.Metrics {
		means.Metrics[kind] = &p.player
	}
	p.loop = reconcile.New(means)
	return p, first, p.player.fetch(ctx)
}

var (
	_ metric.Store   = (*player)(nil)
	_ metric.Querier = (*player)(nil)
)

// stand lets the previous revision stand before the recording begins.
func (p *replaying) stand(ctx context.Context, first plan.Plan) error {
	from := p.Start
	if p.player.next != nil && p.player.next.At.Before(from) {
		from = p.player.next.At
	}
	p.world.Jump(from.Add(-settle).Sub(p.world.Now()))
	if err := p.open(first); err != nil {
		return err
	}
	for p.world.Now().Before(from) {
		if _, err := p.round(ctx); err != nil {
			return err
		}
		p.world.Pass(min(time.Second, from.Sub(p.world.Now())))
	}
	return nil
}

// open begins a release in the world.
func (p *replaying) open(of plan.Plan) (err error) {
	p.name, err = p.loop.Begin(simulation.Beginning(p.Draft.Name, of, source(p.plan)))
	return err
}

// source is where stable is watched before the release.
func source(p plan.Plan) plan.Use {
	if len(p.Analyses) == 0 {
		return plan.Use{}
	}
	return p.Analyses[0].Source
}

// history shows the loop what stable did before the release.
func (p *replaying) history(ctx context.Context) error {
	for p.player.next != nil && p.player.next.At.Before(p.Start) {
		p.pass(p.player.next.At)
		if err := p.player.turn(ctx); err != nil {
			return err
		}
		if _, err := p.round(ctx); err != nil {
			return err
		}
	}
	p.pass(p.Start)
	p.player.gone = Passed{}
	return nil
}

// pass lets time go by until a moment.
func (p *replaying) pass(to time.Time) { p.world.Pass(to.Sub(p.world.Now())) }

// release plays the release. A look that is due waits for the next frame: looks are taken where the recording has one.
func (p *replaying) release(ctx context.Context) error {
	if err := p.open(p.plan); err != nil {
		return err
	}
	var last time.Time // of the recording, once it is over
	for {
		wait, err := p.round(ctx)
		if err != nil {
			return err
		}
		_, status, err := p.store.Release(p.name)
		if err != nil {
			return err
		}
		p.script.Show(status, p.world.Now())
		p.result.note(status, p.player.gone, p.player.looks)
		if status.Position.Phase.Over() {
			return nil
		}
		p.approve(ctx, status)
		at := p.world.Now().Add(min(max(wait, shortest), longest))
		next := p.player.next
		if next != nil && (!next.At.After(at) || p.due(status, at)) {
			p.pass(next.At)
			if err := p.player.turn(ctx); err != nil {
				return err
			}
			continue
		}
		if next == nil && last.IsZero() {
			last = p.world.Now()
		}
		if next == nil && (p.due(status, at) || at.Sub(last) > aftermath) {
			return nil
		}
		p.pass(at)
	}
}

// due reports whether a look would be taken at a moment.
func (p *replaying) due(status releases.Status, at time.Time) bool {
	looked := map[string]time.Time{}
	for name, e := range status.Evidence {
		looked[name] = e.Looked
	}
	return len(engine.Needs(p.plan, status.Position, looked, at)) > 0
}

func (p *replaying) round(ctx context.Context) (time.Duration, error) {
	wait, err := p.loop.Advance(ctx, p.name)
	if err != nil {
		return 0, err
	}
	if _, err := p.loop.Tell(ctx, p.name); err != nil {
		return 0, err
	}
	return wait, ctx.Err()
}

// approve answers a release that asks for approval: people are not recorded.
func (p *replaying) approve(ctx context.Context, status releases.Status) {
	if w := status.Position.Waiting; w != nil && w.For == "approval" {
		_ = p.loop.Act(ctx, p.name, simulation.Approval(status.Position, plan.Approve)) // refused when it has just moved on
	}
}

// sum plays what is left of the recording, to know what the release would have missed.
func (p *replaying) sum(ctx context.Context) (Result, error) {
	facts, err := p.loop.Facts(ctx, p.name)
	if err != nil {
		return Result{}, fmt.Errorf("look back at %s: %w", p.name, err)
	}
	p.result.Release = progress.Of(facts)
	p.result.Start = p.Start
	for p.player.next != nil {
		if err := p.player.turn(ctx); err != nil {
			return Result{}, err
		}
	}
	if err := p.player.leave(); err != nil {
		return Result{}, err
	}
	p.result.Recording = p.player.gone
	if p.result.Before.At.IsZero() {
		p.result.Before = p.player.gone
	}
	return p.result, nil
}
