package reconcile

import (
	"maps"
	"math"
	"slices"
	"time"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// unwritten is what this process knows beyond the record of a release: looks taken, a state seen to be reached, events. A
// process that dies takes it along and loses nothing that counts: the counters of the record are older, so the next look is
// longer, and when the state was reached stands in the route.
type unwritten struct {
	evidence map[string]releases.Evidence
	position plan.Position
	events   []releases.Event
	written  time.Time // when the record was last written to
}

// recall brings a record that was just read up to what this process knows.
func (l *Loop) recall(r *release) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.unwritten[r.Name]
	if u == nil {
		return
	}
	if p := u.position; p.Step == r.stored.Step && p.Entered.Equal(r.stored.Entered) && p.Phase == r.stored.Phase && p.Acted >= r.stored.Acted {
		r.status.Position = p
	}
	evidence := maps.Clone(r.status.Evidence)
	for name, e := range u.evidence {
		if e.Looks > evidence[name].Looks || e.Looked.After(evidence[name].Looked) {
			if evidence == nil {
				evidence = map[string]releases.Evidence{}
			}
			evidence[name] = e
		}
	}
	r.status.Evidence = evidence
}

// telling is by how much evidence against the canary has to grow to be worth a write of its own. What a single look may add is
// bounded by judges, so a process that dies again and again would otherwise never get anywhere.
const telling = math.E

// due reports whether it is time for a checkpoint.
func (l *Loop) due(r *release, next plan.Position, events []releases.Event) bool {
	if l.Checkpoint == 0 {
		return len(r.evidence) > 0 || len(events) > 0
	}
	for name, e := range r.evidence {
		if e.Verdict.Evidence > telling*max(1, r.proven[name]) {
			return true
		}
		if len(e.Asked) > 0 && e.Verdict.Evidence > r.proven[name] { // an answer against the canary comes but once
			return true
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.unwritten[r.Name]
	if u == nil {
		return false
	}
	patience := l.Checkpoint
	if within := r.Plan.Steps[next.Step].Within; within > 0 { // a process that dies must not leave half a deadline behind
		patience = min(patience, within/2)
	}
	if w := next.Waiting; w != nil && w.For == "verdict" {
		patience = min(patience, max(curious, l.Now().Sub(w.Since)/2))
	}
	return l.Now().Sub(u.written) >= patience
}

// Who asks why a release waits for its judge must not read what was so long ago: what the record says is at most half as old as
// the wait, or curious, which is longer than judges mostly take.
const curious = 30 * time.Second

// keep remembers what a round brought that is not written.
func (l *Loop) keep(r *release, at plan.Position, events []releases.Event) {
	if l.Checkpoint == 0 || at.Phase.Over() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.unwritten[r.Name]
	if u == nil {
		u = &unwritten{evidence: map[string]releases.Evidence{}, written: l.Now()}
		l.unwritten[r.Name] = u
	}
	maps.Copy(u.evidence, r.evidence)
	u.position, u.events = at, append(u.events, events...)
}

// kept are the events that are not in the record yet.
func (l *Loop) kept(r *release) []releases.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	if u := l.unwritten[r.Name]; u != nil {
		return slices.Clone(u.events)
	}
	return nil
}

// settled forgets what is in the record now.
func (l *Loop) settled(r *release, at plan.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.Phase.Over() {
		delete(l.unwritten, r.Name)
	} else if u := l.unwritten[r.Name]; u != nil {
		*u = unwritten{evidence: map[string]releases.Evidence{}, position: at, written: l.Now()}
	}
}

// changed reports whether a position differs from the recorded one by enough to be written down.
func (l *Loop) changed(stored, next plan.Position, seen engine.Sight) bool {
	if l.Checkpoint == 0 {
		return !same(stored, next)
	}
	return !same(lasting(stored, stored, seen), lasting(next, stored, seen))
}

// lasting is the part of a position that another process could not work out for itself. Words about waits are seen anew by
// whoever looks. That the state was reached, and when, is known from the route where that remembers it. Ignorance that is
// young has hardly begun.
func lasting(p, stored plan.Position, seen engine.Sight) plan.Position {
	if p.Waiting != nil && !asks(p.Waiting) {
		p.Waiting = nil
	}
	if stored.Arrived.IsZero() && p.Step == stored.Step && p.Short.IsZero() && p.Arrived.Equal(seen.Route.Since) {
		p.Arrived, p.Short = stored.Arrived, stored.Short
	}
	if p.Arrived.IsZero() {
		p.Short = time.Time{} // as long as it has been entered
	}
	p.Dark = maps.Clone(p.Dark)
	maps.DeleteFunc(p.Dark, func(_ string, since time.Time) bool { return seen.Now.Sub(since) < time.Minute })
	if len(p.Dark) == 0 {
		p.Dark = nil
	}
	return p
}
