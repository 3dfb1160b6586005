package reconcile

import (
	"encoding/json"
	"reflect"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// A comparison is whether a draft asks for the plan of the release under way. A draft comes again in every round, and is the
// same one nearly always.
type comparison struct {
	draft  compile.Draft
	can    compile.Abilities
	stable plan.Revision
	latest string
	other  bool // it asks for another plan
}

// another reports whether a draft asks for another plan than a release's. One that cannot be compiled asks for nothing.
func (l *Loop) another(d compile.Draft, can compile.Abilities, stable plan.Revision, latest releases.Release) bool {
	l.mu.Lock()
	last, ok := l.compared[latest.Target]
	l.mu.Unlock()
	if ok && last.latest == latest.Name && last.stable == stable && reflect.DeepEqual(last.draft, d) && reflect.DeepEqual(last.can, can) {
		return last.other
	}
	p, notes := compile.Compile(d, stable, can)
	now := comparison{d, can, stable, latest.Name, !notes.Err() && !samePlan(p, latest.Plan)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.compared[latest.Target] = now
	return now.other
}

// forgetComparison forgets the comparison with a release that is over.
func (l *Loop) forgetComparison(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.compared, target)
}

func samePlan(a, b plan.Plan) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && string(x) == string(y)
}
