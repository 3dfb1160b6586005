package simulation

import (
	"serin.dev/serin/internal/compile"
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

// Tell compiles a draft for the simulated world and lets it be released over a revision called "previous". The rest of the story
// is the caller's.
func Tell(d compile.Draft, s Story) (Ending, error) {
	var err error
	if s.First, s.Second, err = Compile(d, world.New(s.Seed)); err != nil {
		return Ending{}, err
	}
	return Run(s)
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
