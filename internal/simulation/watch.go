package simulation

import (
	"fmt"
	"math/rand/v2"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// A watch holds every record of a release against the promises of the product.
type watch struct {
	sim    *simulation
	dice   *rand.Rand
	before plan.Position
	names  []string
	looked int64
}

func newWatch(s *simulation) *watch {
	return &watch{sim: s, dice: rand.New(rand.NewPCG(s.Seed, 0xc4a5))}
}

func (w *watch) breaks(format string, args ...any) {
	if len(w.names) < 20 {
		w.names = append(w.names, w.sim.world.Now().Format("15:04:05.0 ")+fmt.Sprintf(format, args...))
	}
}

func (w *watch) broken() []string { return append(w.names, w.sim.world.Broken()...) }

// round compares the record with the one before.
func (w *watch) round(p plan.Plan, status releases.Status) {
	at, old := status.Position, w.before
	w.before = at
	if old.Phase == "" || old.Phase.Over() {
		return
	}
	w.moves(p, old, at)
	w.clocks(old, at)
	w.reasons(p, at)
	if at.Phase == plan.Succeeded && old.Phase != plan.Succeeded {
		w.promotion(p, at)
	}
}

// moves: one step at a time, or to a promotion somebody asked for, or to the safe step.
func (w *watch) moves(p plan.Plan, old, at plan.Position) {
	switch {
	case at.Step == old.Step, at.Step == old.Step+1, at.Step == p.Promotion:
	case at.Phase == plan.RollingBack && at.Step == p.Steps[old.Step].Rollback:
	default:
		w.breaks("jumped from step %d to %d", old.Step, at.Step)
	}
	if old.Phase == plan.RollingBack && at.Phase == plan.Progressing {
		w.breaks("went forward again after going back")
	}
	if old.Phase.Over() && at.Phase != old.Phase {
		w.breaks("phase %s changed to %s after the end", old.Phase, at.Phase)
	}
}

// clocks: within a step, no clock starts again.
func (w *watch) clocks(old, at plan.Position) {
	if at.Step != old.Step || at.Phase != old.Phase || w.sim.Scenario.Jumps > 0 {
		return // clocks that are set back move all moments with them; that they end is checked by the story's limit
	}
	if !at.Entered.Equal(old.Entered) {
		w.breaks("step %d: the clock of its beginning was set from %s to %s", at.Step, old.Entered, at.Entered)
	}
	if !old.Arrived.IsZero() && !at.Arrived.Equal(old.Arrived) {
		w.breaks("step %d: the clock of its gates was set anew", at.Step)
	}
	for name, t := range old.Passed {
		if !at.Passed[name].Equal(t) {
			w.breaks("the pass of %s was forgotten", name)
		}
	}
}

// reasons: whoever waits says for what, and how it ends.
func (w *watch) reasons(p plan.Plan, at plan.Position) {
	v := at.Waiting
	if v == nil || at.Phase.Over() {
		return
	}
	if v.For == "" || v.Text == "" || v.Since.IsZero() {
		w.breaks("step %d waits without a reason: %+v", at.Step, *v)
	}
	if v.Until.IsZero() && v.EndBy == "" && p.Steps[at.Step].Within > 0 {
		w.breaks("step %d waits for %s without a deadline or a command that ends it", at.Step, v.For)
	}
}

// promotion: nothing is promoted on ignorance.
func (w *watch) promotion(p plan.Plan, at plan.Position) {
	for _, s := range p.Steps {
		for _, g := range s.Until {
			if g, ok := g.(plan.Passed); ok && g.Proven && at.Passed[g.Analysis].IsZero() {
				w.breaks("promoted though %s never passed", g.Analysis)
			}
		}
	}
}

// finish looks at the end of the story.
func (w *watch) finish(status releases.Status) {
	for _, e := range status.Outbox {
		told := w.sim.world.Told()[e.Key]
		if e.State == releases.Told && told == 0 {
			w.breaks("hook %s is recorded as told, and was not", e.Key)
		}
	}
	at := status.Position
	if !at.Phase.Over() && at.Waiting == nil {
		w.breaks("not over after %s and waits for nothing", w.sim.Limit)
	}
	if at.Phase == plan.Returned && at.Failure == nil {
		w.breaks("went back without a reason")
	}
}

// judge wraps what the story's judge is shown, to know that no evidence is lost or shown twice.
func (w *watch) judge(with func(plan.Use) (judge.Judge, error)) func(plan.Use) (judge.Judge, error) {
	return func(u plan.Use) (judge.Judge, error) {
		j, err := with(u)
		return counting{j, w}, err
	}
}

type counting struct {
	judge.Judge
	w *watch
}

func (c counting) Look(s judge.State, l judge.Look) (judge.State, plan.Verdict) {
	for _, track := range l.Tracks {
		for _, pod := range track.Pods {
			if l.T > 0 {
				c.w.looked += pod.Requests
			}
			if pod.Requests < 0 || pod.Failures < 0 || pod.Failures > pod.Requests {
				c.w.breaks("a look with %d failures of %d requests", pod.Failures, pod.Requests)
			}
		}
	}
	return c.Judge.Look(s, l)
}

// Wants hands on which queries the story's judge has enough of; one that does not say wants all.
func (c counting) Wants(s judge.State, metric string) bool {
	j, ok := c.Judge.(interface {
		Wants(judge.State, string) bool
	})
	return !ok || j.Wants(s, metric)
}
