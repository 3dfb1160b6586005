package engine

import (
	"iter"
	"maps"
	"slices"
	"time"

	"serin.dev/serin/internal/plan"
)

// A Sight is what was seen at one instant. Time is a fact like any other.
type Sight struct {
	Now        time.Time
	Full       int  // replicas that carry all traffic
	Fixed      bool // there are never more than Full (plan.Fixed)
	Pools      []plan.Pool
	Route      plan.Route
	Verdicts   map[string]plan.Verdict // the latest of each analysis
	Acts       []plan.Act              // all acts of people, in order; those the position has counted are passed over
	Superseded plan.Revision           // a newer revision that waits for its turn; empty: none
}

// A Decision is what to record, and after that what to do.
type Decision struct {
	Next  plan.Position // to be recorded before anything is done
	Tell  []Telling     // to be recorded with Next, told afterwards
	Do    Orders        // idempotent
	Wait  time.Duration // until the next look at it all, unless something changes earlier
	Fired string        // the rule that decided
}

// A Telling is one hook that has to be told, and what.
type Telling struct {
	Hook  plan.Hook
	Event plan.Event
	Step  int
	Text  string
}

const (
	soon = 200 * time.Millisecond // while something is on its way that may not signal
	idle = 10 * time.Second       // when the release is over and only has to be kept
)

// Needs names the analyses that are due for a look, given when each was last looked at.
func Needs(p plan.Plan, at plan.Position, looked map[string]time.Time, now time.Time) []string {
	var due []string
	for _, a := range p.Analyses {
		last := looked[a.Name]
		if analysed(a, at) && (now.Before(last) || !now.Before(last.Add(a.Every))) { // before: the clock went back
			due = append(due, a.Name)
		}
	}
	return due
}

func analysed(a plan.Analysis, at plan.Position) bool {
	return at.Phase == plan.Progressing && a.From <= at.Step && at.Step <= a.To
}

// Decide takes the acts of people into account and lets the first matching rule move the release.
func Decide(p plan.Plan, at plan.Position, seen Sight) Decision {
	d := decision{p: p, at: clone(at), seen: seen}
	d.begin()
	d.hear()
	d.weigh()
	for _, r := range rules {
		if r.fire(&d) {
			d.fired = r.name
			break
		}
	}
	orders, missing := d.approach()
	if d.overdue() {
		orders = d.insist(orders)
	}
	if missing == nil {
		d.at.Short = time.Time{}
	}
	return Decision{Next: d.at, Tell: d.tell, Do: orders, Wait: d.wait(missing), Fired: d.fired}
}

// A decision under way.
type decision struct {
	p     plan.Plan
	at    plan.Position
	seen  Sight
	tell  []Telling
	fired string
	moved bool // the position changed: look again at once
}

func clone(at plan.Position) plan.Position {
	at.Passed, at.Dark, at.Granted = maps.Clone(at.Passed), maps.Clone(at.Dark), maps.Clone(at.Granted)
	return at
}

func (d *decision) step() plan.Step { return d.p.Steps[d.at.Step] }

func (d *decision) approach() (Orders, *plan.Waiting) {
	return approach(d.step().Desired, d.p.Stable, d.seen)
}

// begin gives a release that was just created its first clock, and one whose clock was set back its old ones again.
func (d *decision) begin() {
	if d.at.Phase == "" {
		d.at.Phase = plan.Progressing
		d.at.Entered, d.at.Short = d.seen.Now, d.seen.Now
		return
	}
	if back := latest(d.at).Sub(d.seen.Now); back > 0 {
		d.at = shifted(d.at, -back)
	}
}

// enter makes a step the one to hold. Its clocks start now.
func (d *decision) enter(step int) {
	d.at.Step, d.at.Entered, d.at.Short = step, d.seen.Now, d.seen.Now
	d.at.Arrived, d.at.Asked, d.at.Waiting = time.Time{}, false, nil
	d.moved = true
}

// weigh remembers what the verdicts said: leave to promote is kept, ignorance has a beginning.
func (d *decision) weigh() {
	for _, a := range d.p.Analyses {
		v, ok := d.seen.Verdicts[a.Name]
		if !ok || !analysed(a, d.at) {
			continue
		}
		switch v.Outcome {
		case plan.Pass:
			d.at.Passed = put(d.at.Passed, a.Name, d.seen.Now, true)
			delete(d.at.Dark, a.Name)
		case plan.Insufficient, plan.Unavailable:
			d.at.Dark = put(d.at.Dark, a.Name, d.seen.Now, true)
		default:
			delete(d.at.Dark, a.Name)
		}
	}
}

// put sets a key unless it has a value already and the first is to stay.
func put[K comparable, V any](m map[K]V, k K, v V, first bool) map[K]V {
	if _, ok := m[k]; ok && first {
		return m
	}
	if m == nil {
		m = map[K]V{}
	}
	m[k] = v
	return m
}

func (d *decision) wait(missing *plan.Waiting) time.Duration {
	switch {
	case d.moved:
		return 0
	case missing != nil:
		return soon
	case d.at.Phase.Over():
		return idle
	}
	next := idle
	for _, a := range d.p.Analyses {
		if analysed(a, d.at) {
			next = min(next, a.Every)
		}
	}
	if w := d.at.Waiting; w != nil && !w.Until.IsZero() {
		next = min(next, max(0, w.Until.Sub(d.seen.Now)))
	}
	return next
}

func keys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// told adds the hooks of an event to what has to be told.
func (d *decision) told(e plan.Event, text string) {
	for _, h := range slices.Concat(d.step().Hooks, d.p.Hooks) {
		if h.On == e {
			d.tell = append(d.tell, Telling{Hook: h, Event: e, Step: d.at.Step, Text: text})
		}
	}
}
