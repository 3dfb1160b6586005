package compile

import (
	"fmt"
	"slices"

	"serin.dev/serin/internal/plan"
)

// Compile makes the plan that takes the draft's target from the stable revision to the one in the draft. An empty
// stable is the first release of a target: one step, nothing to compare with. So is a stable that is the draft's own
// revision: there is nothing to do but hold it.
//
// When the notes contain an error the plan is the zero Plan. Compile is pure: the same arguments give the same plan.
func Compile(d Draft, stable plan.Revision, can Abilities) (plan.Plan, Notes) {
	return compileIn(passes, d, stable, can)
}

func compileIn(order []pass, d Draft, stable plan.Revision, can Abilities) (plan.Plan, Notes) {
	w := &work{draft: d, stable: stable, canary: d.Target.Revision, can: can}
	if err := checkOrder(order); err != nil {
		w.notes.Refuse(d.Origin, "order passes: %v", err)
		return plan.Plan{}, w.notes
	}
	done := map[string]bool{}
	for _, p := range order {
		p.run(w)
		done[p.name] = true
		w.check(done, p.name)
		if w.notes.Err() {
			w.notes.Sort()
			return plan.Plan{}, w.notes
		}
	}
	w.notes.Sort()
	return w.finished(), w.notes
}

// work is a plan in the making.
type work struct {
	draft          Draft
	stable, canary plan.Revision
	can            Abilities
	steps          []step
	analyses       []plan.Analysis
	notes          Notes
}

// A step in the making remembers which move it came from.
type step struct {
	plan.Step
	role role
	move Move // the zero Move where the compiler added the step
}

// A role says what a step is for.
type role int

const (
	start   role = iota // stable alone, before anything
	moved               // the user's own
	promote             // everything is ready to become stable
	done                // the new revision is stable
)

// first reports whether there is nothing to compare the new revision with.
func (w *work) first() bool { return w.stable == "" || w.stable == w.canary }

// renames reports whether promotion is a change of name, so that no instance moves.
func (w *work) renames() bool { return w.can.Workload.Has(plan.Renaming) }

func (w *work) finished() plan.Plan {
	p := plan.Plan{Target: w.draft.Target.Key(), Stable: w.stable, Canary: w.canary, Analyses: w.analyses, Hooks: w.draft.Hooks}
	p.Promotion = slices.IndexFunc(w.steps, func(s step) bool { return s.role == promote || s.role == done })
	p.Promotion = max(0, p.Promotion) // a first release is promoted from the start
	for _, s := range w.steps {
		p.Steps = append(p.Steps, s.Step)
	}
	return p
}

// A pass does one thing to the work.
type pass struct {
	name  string
	after []string // passes that must have run, and why stands beside the table
	run   func(*work)
}

// passes is the whole compiler, in order.
var passes = []pass{
	{"expand", nil, (*work).expand},                          // strategies that say more than their moves
	{"features", []string{"expand"}, (*work).features},       // what a strategy adds may also be impossible
	{"fold", []string{"expand", "features"}, (*work).fold},   // only possible moves are worth folding
	{"capacity", []string{"fold"}, (*work).capacity},         // from the shares of whole states
	{"promotion", []string{"capacity"}, (*work).promotion},   // keeps the capacity the canary ended with
	{"pools", []string{"promotion"}, (*work).pools},          // of the tracks of all steps
	{"rollback", []string{"promotion"}, (*work).rollback},    // knows where stable changes
	{"deadlines", []string{"rollback"}, (*work).deadlines},   // none where there is nowhere to go back to
	{"analyses", []string{"promotion"}, (*work).spans},       // up to the last step before the end
	{"gates", []string{"analyses"}, (*work).gates},           // wait for analyses that look at the step
	{"names", []string{"gates", "promotion"}, (*work).names}, // of what each step turned out to be
}

// checkOrder refuses an order in which a pass runs before one it needs, or in which one is missing or doubled.
func checkOrder(order []pass) error {
	var ran []string
	for _, p := range order {
		for _, need := range p.after {
			if !slices.Contains(ran, need) {
				return fmt.Errorf("pass %s runs before %s, which it needs", p.name, need)
			}
		}
		if slices.Contains(ran, p.name) {
			return fmt.Errorf("pass %s runs twice", p.name)
		}
		ran = append(ran, p.name)
	}
	for _, p := range passes {
		if !slices.Contains(ran, p.name) {
			return fmt.Errorf("pass %s is missing", p.name)
		}
	}
	return nil
}
