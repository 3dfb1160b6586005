package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/controller/trace"
	"serin.dev/serin/internal/dialect"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
	"serin.dev/serin/internal/router"
	"serin.dev/serin/internal/workload"
)

// Means are what the controller works with.
type Means struct {
	Access    *cluster.Access
	Loop      *reconcile.Loop
	Store     *objects.Store
	Known     dialect.Known
	Workloads map[string]workload.Workload
	Routers   map[string]router.Router
	Events    events.EventRecorder
	Metrics   prometheus.Registerer
	Traces    *trace.Teller     // nil: nobody wants to see them
	Refusals  *cluster.Refusals // what the caches may not read
	Log       *slog.Logger
}

// Canaries brings and advances the releases of Canaries.
type Canaries struct {
	Means
	watchful *watchful
	metrics  *metrics
	readings *cluster.Memo[reading]
	tried    *cluster.Memo[compile.Notes]
}

// New returns a controller that has seen nothing yet.
func New(m Means) *Canaries {
	w := newWatchful()
	return &Canaries{
		Means: m, watchful: w, metrics: newMetrics(m.Metrics, w.count),
		readings: cluster.NewMemo[reading](), tried: cluster.NewMemo[compile.Notes](),
	}
}

const (
	urgent   = 100              // priority of a release under way
	mendable = 30 * time.Second // until a problem that a user has to mend is looked at again, unless something changes earlier
)

const (
	roundWithin = 20 * time.Second // for one round, whatever it waits for
	sayWithin   = 5 * time.Second  // of that to say what came of it
)

// Reconcile takes one round with a Canary.
func (c *Canaries) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, roundWithin)
	defer cancel()
	var canary objects.Canary
	if err := c.Access.Get(ctx, req.NamespacedName, &canary); err != nil {
		if apierrors.IsNotFound(err) {
			c.watchful.forget(req.NamespacedName)
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("read Canary %s: %w", req, err)
	}
	if !canary.DeletionTimestamp.IsZero() {
		return c.leave(ctx, &canary)
	}
	within, done := context.WithTimeout(ctx, roundWithin-sayWithin)
	wait, err := c.round(within, &canary)
	done()
	err = c.Refusals.Explain(err)
	if problem, ok := cluster.AsProblem(err); ok {
		return c.stuck(ctx, &canary, problem)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if wait == asleep {
		return ctrl.Result{}, nil
	}
	priority := urgent
	return ctrl.Result{RequeueAfter: pace(wait, c.watchful.count()), Priority: &priority}, nil
}

// pace keeps the rounds that many Canaries ask for to what a processor has. Most of what they wait for signals anyway; what has
// a time of its own comes up to a second late when hundreds are awake.
func pace(wait time.Duration, awake int) time.Duration {
	return max(wait, min(time.Duration(awake)*2*time.Millisecond, time.Second), time.Millisecond)
}

// asleep is the wait of a Canary that is woken by changes alone.
const asleep time.Duration = -1

// round lines the release up with the Canary and its target and advances it once. A Canary that cannot be used any more, or
// whose target cannot, starts nothing new; a release under way goes on as it was compiled.
func (c *Canaries) round(ctx context.Context, canary *objects.Canary) (time.Duration, error) {
	ctx = cluster.For(ctx, targetOf(canary))
	pending, err := c.actions(ctx, canary)
	if err != nil {
		return 0, err
	}
	draft, notes := c.read(canary)
	if notes.Err() {
		if err := c.refuse(ctx, canary, notes); err != nil {
			return 0, err
		}
		return c.carryOn(ctx, canary, pending)
	}
	if err := c.describe(ctx, canary, &draft); err != nil {
		return c.despite(ctx, canary, pending, err)
	}
	if found := c.try(canary, draft); found.Err() {
		if err := c.refuse(ctx, canary, found); err != nil {
			return 0, err
		}
		return c.carryOn(ctx, canary, pending)
	}
	key := keyOf(canary)
	if len(pending) == 0 && c.settled(canary, draft) {
		c.watchful.sleeps(key)
		c.Access.Pods.Forget(draft.Target.Key())
		return asleep, nil
	}
	c.watchful.wakes(key)
	if err := c.hold(ctx, canary); err != nil {
		return 0, err
	}
	wait, err := c.advance(ctx, canary, draft, notes, pending)
	if err != nil {
		c.watchful.touch(key)
		return 0, err
	}
	return wait, nil
}

// carryOn advances the release under way, if there is one.
func (c *Canaries) carryOn(ctx context.Context, canary *objects.Canary, pending []objects.Action) (time.Duration, error) {
	t, err := c.Store.Target(targetOf(canary))
	if errors.Is(err, releases.ErrNotFound) || err == nil && (t.Owner != keyOf(canary).String() || t.Closed(t.Latest)) {
		return asleep, nil
	}
	if err != nil {
		return 0, err
	}
	c.watchful.wakes(keyOf(canary))
	if err := c.hear(ctx, t.Key, t.Latest, pending); err != nil {
		return 0, err
	}
	return c.Loop.Advance(ctx, t.Latest)
}

// despite says a problem with the target, and carries on.
func (c *Canaries) despite(ctx context.Context, canary *objects.Canary, pending []objects.Action, trouble error) (time.Duration, error) {
	problem, ok := cluster.AsProblem(trouble)
	if !ok {
		return 0, trouble
	}
	wait, err := c.carryOn(ctx, canary, pending)
	if err != nil || wait == asleep {
		return 0, trouble
	}
	_, err = c.stuck(ctx, canary, problem)
	return wait, err
}

// advance brings the release, hears people and takes one round with it.
func (c *Canaries) advance(ctx context.Context, canary *objects.Canary, draft compile.Draft, notes compile.Notes, pending []objects.Action) (time.Duration, error) {
	name, err := c.Loop.Bring(draft, c.Known.Abilities(draft))
	var refused reconcile.Refusal
	if errors.As(err, &refused) {
		return asleep, c.refuse(ctx, canary, refused.Notes)
	}
	if err != nil {
		return 0, fmt.Errorf("bring the release of Canary %s: %w", keyOf(canary), err)
	}
	if name == "" {
		return asleep, nil
	}
	if err := c.hear(ctx, draft.Target.Key(), name, pending); err != nil {
		return 0, err
	}
	wait, err := c.Loop.Advance(ctx, name)
	if err != nil {
		return 0, err
	}
	if err := c.report(ctx, canary, notes, name); err != nil {
		return 0, err
	}
	return wait, nil
}

// settled reports whether there is nothing to do for a Canary: its latest release is over, its target asks for nothing
// else, all of it was reported, and none of its objects has changed since.
func (c *Canaries) settled(canary *objects.Canary, draft compile.Draft) bool {
	if c.watchful.touched(keyOf(canary)) || canary.Status.ObservedGeneration != canary.Generation {
		return false
	}
	t, err := c.Store.Target(draft.Target.Key())
	return err == nil && rests(canary, draft, t, c.Loop.Now())
}

// rests reports whether a target is where its Canary wants it, and has been for a while.
func rests(canary *objects.Canary, draft compile.Draft, t releases.Target, now time.Time) bool {
	if t.Waiting != "" || t.Owner != draft.Name || len(t.History) == 0 {
		return false
	}
	if rev := draft.Target.Revision; rev != t.Stable && rev != t.Rejected {
		return false
	}
	last := t.History[len(t.History)-1]
	return last.Release == t.Latest && now.Sub(last.Ended) > aftermath && reported(canary, last)
}

// aftermath is how long a finished release is still looked after: what is on its way out may need a hand.
const aftermath = 20 * time.Second

func keyOf(canary *objects.Canary) types.NamespacedName {
	return types.NamespacedName{Namespace: canary.Namespace, Name: canary.Name}
}
