package simulation

import (
	"fmt"
	"io"
	"time"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/world"
)

// Named finds a scenario.
func Named(name string) (Scenario, bool) {
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, true
		}
	}
	return Scenario{}, false
}

// Tell compiles a draft for the simulated world and lets it be released over a revision called "previous".
func Tell(d compile.Draft, scenario Scenario, seed uint64, limit time.Duration, with func(plan.Use) (judge.Judge, error), out io.Writer) (Ending, error) {
	w := world.New(seed)
	can := compile.Abilities{Router: w.Router().Features(), Workload: w.Workload().Features()}
	old := d
	old.Target.Revision = "previous"
	first, notes := compile.Compile(old, "", can)
	if notes.Err() {
		return Ending{}, fmt.Errorf("compile for the simulated world: %s", notes[0])
	}
	second, notes := compile.Compile(d, "previous", can)
	if notes.Err() {
		return Ending{}, fmt.Errorf("compile for the simulated world: %s", notes[0])
	}
	return Run(Story{First: first, Second: second, Scenario: scenario, Seed: seed, Judge: with, Out: out, Limit: limit})
}

// Doing says in a few words how it ended.
func (e Ending) Doing() string {
	switch at := e.Position; {
	case at.Phase == plan.Succeeded:
		return "promoted"
	case at.Phase.Over() && at.Failure != nil:
		return "rolled back (" + at.Failure.Text + ")"
	case at.Waiting != nil:
		return "still waits for " + at.Waiting.For
	}
	return string(e.Position.Phase)
}
