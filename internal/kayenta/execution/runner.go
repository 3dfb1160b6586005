package execution

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/storage"
)

// Errors a caller tells apart.
var (
	ErrNotFound = fmt.Errorf("execution: %w", storage.ErrNotFound)
	ErrBusy     = errors.New("too many executions are under way")
)

// A Later is an error that may be gone when the same is asked again.
type Later struct{ Err error }

func (l Later) Error() string { return l.Err.Error() }

// Unwrap gives the cause.
func (l Later) Unwrap() error { return l.Err }

// Means are what a runner works with.
type Means struct {
	Journal storage.Store // where executions are recorded
	Objects func(account string) (storage.Store, error)
	Bounded func(account string) bool // what a forgotten execution left in this account goes with it
	// Fetch asks an account's metric store for the series of one metric and one side.
	Fetch func(ctx context.Context, account string, c judge.Config, m judge.Metric, s Scope) ([]judge.MetricSet, error)
	Now   func() time.Time
	Log   *slog.Logger

	Workers int // executions worked on at once; default 8
	Pending int // executions that may be under way; default 1000
	History int // executions that are kept when they are over; default 1000
}

// A Runner runs executions. It is safe for use by several goroutines.
type Runner struct {
	Means
	journal journal

	mu   sync.Mutex
	all  map[string]*entry
	wake chan struct{}
}

// An entry is what is known in memory of one execution.
type entry struct {
	head     Head
	progress Progress
	due      time.Time
	busy     bool
	touched  bool               // while busy: it is to be looked at again
	stop     context.CancelFunc // while busy
	writing  sync.Mutex         // one change at a time reaches the record
}

// A Head names an execution.
type Head struct {
	ID, Analysis, Application, Storage string
	Kind                               Kind
	Built                              time.Time
}

// New makes a runner that knows what is recorded.
func New(ctx context.Context, m Means) (*Runner, error) {
	for value, standard := range map[*int]int{&m.Workers: 8, &m.Pending: 1000, &m.History: 1000} {
		if *value == 0 {
			*value = standard
		}
	}
	r := &Runner{Means: m, journal: journal{m.Journal}, all: map[string]*entry{}, wake: make(chan struct{}, 1)}
	known, err := m.Journal.List(ctx, recordedOrders)
	if err != nil {
		return nil, err
	}
	for _, o := range known {
		if err := r.recall(ctx, o.ID); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// recall reads one execution out of the record. One without progress had just been ordered.
func (r *Runner) recall(ctx context.Context, id string) error {
	p := Progress{Status: NotStarted}
	if err := r.journal.read(ctx, recordedProgress, id, &p); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if p.Head == nil {
		o, err := r.journal.order(ctx, id)
		if err != nil {
			return err
		}
		h := o.head()
		p.Head = &h
	}
	r.all[id] = &entry{head: *p.Head, progress: p}
	if !p.Status.Over() || !p.Archived {
		r.all[id].due = r.Now()
	}
	return nil
}

func (o Order) head() Head {
	return Head{ID: o.ID, Analysis: o.Analysis, Application: o.Application, Storage: o.StorageAccount, Kind: o.Kind, Built: o.Built}
}

// Begin records an order and returns the id of the execution.
func (r *Runner) Begin(ctx context.Context, o Order) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("name an execution: %w", err)
	}
	o.ID, o.Built = id.String(), r.Now()
	if err := o.Check(); err != nil {
		return "", Refusal{err}
	}
	if r.pending() >= r.Pending {
		return "", ErrBusy
	}
	return o.ID, r.begin(ctx, o)
}

// A Refusal is an order that makes no sense.
type Refusal struct{ Err error }

func (e Refusal) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e Refusal) Unwrap() error { return e.Err }

func (r *Runner) begin(ctx context.Context, o Order) error {
	if err := r.journal.begin(ctx, o); err != nil {
		return err
	}
	r.mu.Lock()
	h := o.head()
	r.all[o.ID] = &entry{head: h, progress: Progress{Head: &h, Status: NotStarted}, due: r.Now()}
	r.mu.Unlock()
	r.nudge()
	return nil
}

func (r *Runner) pending() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.all {
		if !e.progress.Status.Over() {
			n++
		}
	}
	return n
}

func (r *Runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Run works until the context ends, and returns when nothing is worked on any more.
func (r *Runner) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	free := make(chan struct{}, r.Workers)
	for {
		ids, next := r.due(cap(free) - len(free))
		for _, id := range ids {
			free <- struct{}{}
			working.Go(func() {
				defer func() { <-free; r.nudge() }()
				r.advance(ctx, id)
			})
		}
		if !r.wait(ctx, next) {
			return nil
		}
	}
}

// wait waits for a moment, or for something to happen before.
func (r *Runner) wait(ctx context.Context, next time.Time) bool {
	var alarm <-chan time.Time
	if !next.IsZero() {
		t := time.NewTimer(max(0, next.Sub(r.Now())))
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-r.wake:
	case <-alarm:
	}
	return true
}

// Settle works, one after the other, on everything that is due, until nothing is, and returns when something will be. It is Run
// for those who turn the clock themselves.
func (r *Runner) Settle(ctx context.Context) (next time.Time) {
	for ctx.Err() == nil {
		ids, next := r.due(r.Workers)
		if len(ids) == 0 {
			return next
		}
		for _, id := range ids {
			r.advance(ctx, id)
		}
	}
	return time.Time{}
}

// due takes up to n executions that are due, the oldest first, and says when the next one will be.
func (r *Runner) due(n int) (ids []string, next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	for id, e := range r.all {
		switch {
		case e.busy || e.due.IsZero():
		case !e.due.After(now):
			ids = append(ids, id)
		case next.IsZero() || e.due.Before(next):
			next = e.due
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return r.all[a].due.Compare(r.all[b].due) })
	ids = ids[:min(n, len(ids))]
	for _, id := range ids {
		r.all[id].busy = true
	}
	return ids, next
}

// advance works on one execution until it is over or has to wait.
func (r *Runner) advance(ctx context.Context, id string) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	e := r.entry(id)
	if e == nil {
		return // forgotten meanwhile
	}
	r.mu.Lock()
	e.stop = stop
	r.mu.Unlock()
	due, err := r.work(ctx, id)
	if err != nil && ctx.Err() == nil {
		r.Log.Error("execution stands still", "execution", id, "error", err)
		due = r.Now().Add(recordAgain)
	}
	r.mu.Lock()
	analysis := ""
	if e.busy, e.stop, e.due = false, nil, due; e.touched {
		e.touched, e.due = false, r.Now()
	}
	if e.progress.Status.Over() {
		analysis = e.head.Analysis
	}
	if parent := r.all[analysis]; parent != nil && !parent.progress.Status.Over() {
		parent.touch(r.Now()) // it waits for this
	}
	r.mu.Unlock()
	r.nudge()
}

// touch lets an execution be looked at as soon as it can be.
func (e *entry) touch(now time.Time) { e.due, e.touched = now, e.busy }

// recordAgain is how long to wait when the record itself cannot be read or written.
const recordAgain = 10 * time.Second

func (r *Runner) entry(id string) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[id]
}
