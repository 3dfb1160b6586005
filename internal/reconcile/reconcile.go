package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/gate"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/notify"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/workload"
)

// Means are what a loop works with, by the names plans use.
type Means struct {
	Store     releases.Store
	Routers   map[string]router.Router
	Workloads map[string]workload.Workload // by target kind
	Metrics   map[string]metric.Store
	Judge     func(plan.Use) (judge.Judge, error)
	Notifiers map[string]notify.Notifier
	Keeper    gate.Keeper // of approvals
	Now       func() time.Time
	Log       *slog.Logger
	Happened  func(releases.Release, releases.Event) // told after it was recorded; nil: nobody wants to know
	Looked    func(Looking)                          // told of every look that is taken; nil: nobody keeps them
	// Checkpoint is how often evidence is written when nothing else is; 0: at every look. Where writes are dear it is minutes:
	// then the words of a wait are not written either.
	Checkpoint time.Duration
	Decide     func(plan.Plan, plan.Position, engine.Sight) engine.Decision // nil: engine.Decide
}

// A Loop advances releases.
type Loop struct {
	Means
	mu        sync.Mutex
	history   map[string]*history                // of stable, by target
	met       map[string]map[string]acquaintance // by release and analysis
	unwritten map[string]*unwritten              // by release
	compared  map[string]comparison              // by target, while a release is under way
	judges    map[string]map[string]judge.Judge  // by release and analysis
}

// New returns a loop that has seen nothing yet.
func New(m Means) *Loop {
	if m.Decide == nil {
		m.Decide = engine.Decide
	}
	return &Loop{
		Means: m, history: map[string]*history{}, met: map[string]map[string]acquaintance{}, unwritten: map[string]*unwritten{},
		compared: map[string]comparison{}, judges: map[string]map[string]judge.Judge{},
	}
}

// A release in hand: its record, and what this round adds to it.
type release struct {
	releases.Release
	status   releases.Status
	stored   plan.Position      // in the record; status may know more
	proven   map[string]float64 // evidence in the record, by analysis
	target   releases.Target
	evidence map[string]releases.Evidence // of the looks taken in this round
	news     []releases.Event             // what they brought to light
}

// Advance takes one round with a release and says when to come again at the latest.
//
// An error leaves the release where it is and is noted in its status; coming again is safe at any time.
func (l *Loop) Advance(ctx context.Context, name string) (time.Duration, error) {
	r, err := l.load(name)
	if err != nil {
		return 0, fmt.Errorf("load %s: %w", name, err)
	}
	wait, err := l.round(ctx, r)
	return wait, errors.Join(err, l.note(r, err))
}

func (l *Loop) round(ctx context.Context, r *release) (time.Duration, error) {
	seen, err := l.observe(ctx, r)
	if err != nil {
		return 0, fmt.Errorf("observe %s: %w", r.Name, err)
	}
	next, events := l.decide(r, seen)
	if err := l.record(r, seen, next, events); err != nil { // before acting: a crash may repeat, never forget
		return 0, fmt.Errorf("record %s: %w", r.Name, err)
	}
	if err := l.act(ctx, r, seen, next.Do); err != nil {
		return 0, fmt.Errorf("act on %s: %w", r.Name, err)
	}
	return next.Wait, nil
}

// decide asks the engine until it has come to rest with what was seen, so that leaving a step and entering the next is one
// write and not two.
func (l *Loop) decide(r *release, seen engine.Sight) (engine.Decision, []releases.Event) {
	next := l.Decide(r.Plan, r.status.Position, seen)
	events := slices.Concat(r.news, narrate(r.Plan, r.status.Position, next.Next, l.Now()))
	for range len(r.Plan.Steps) {
		if next.Wait > 0 {
			break
		}
		further := l.Decide(r.Plan, next.Next, seen)
		events = append(events, narrate(r.Plan, next.Next, further.Next, l.Now())...)
		further.Tell = slices.Concat(next.Tell, further.Tell)
		next = further
	}
	return next, events
}

// note writes down why a round did not work, or that one works again.
func (l *Loop) note(r *release, trouble error) error {
	text := ""
	if trouble != nil {
		text = trouble.Error()
	}
	if r.status.Trouble == text {
		return nil
	}
	return l.Store.Change(r.Name, func(s *releases.Status) error {
		s.Trouble = text
		return nil
	})
}

func (l *Loop) load(name string) (*release, error) {
	rel, status, err := l.Store.Release(name)
	if err != nil {
		return nil, err
	}
	target, err := l.Store.Target(rel.Target)
	if err != nil {
		return nil, err
	}
	r := &release{Release: rel, status: status, stored: status.Position, proven: map[string]float64{}, target: target, evidence: map[string]releases.Evidence{}}
	for name, e := range status.Evidence {
		r.proven[name] = e.Verdict.Evidence
	}
	l.recall(r)
	return r, nil
}

// wanted is the state of the step that is held or approached.
func (r *release) wanted() plan.State { return r.Plan.Steps[r.status.Position.Step].Desired }
