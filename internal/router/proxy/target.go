package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// keepGone is how long counters of an instance that left are still told.
const keepGone = 10 * time.Minute

// lingering is how long a closing target answers on connections that clients keep open, asking them to close. Cutting an
// idle connection races with the next request on it.
const lingering = 500 * time.Millisecond

// A target is what one listener serves.
type target struct {
	name    string
	log     *slog.Logger
	grid    *grid
	clock   func() time.Time
	table   atomic.Pointer[table]
	waiting atomic.Int64 // requests without an instance
	copies  atomic.Int64 // mirrored requests under way
	leftOut atomic.Int64 // requests that should have been mirrored and were not
	stopped chan struct{}
	buffers sync.Pool
	work    sync.WaitGroup // goroutines of this target
	ctx     context.Context
	cancel  context.CancelFunc

	mu        sync.Mutex
	door      *door
	server    *server
	instances map[*instance]bool // in the table, or busy still
	tallies   map[string]*record
}

// A record is the tally of an instance, and since when it is no longer in the table.
type record struct {
	tally *tally
	gone  time.Time
}

func newTarget(name string, log *slog.Logger, g *grid, clock func() time.Time) *target {
	t := &target{
		name: name, log: log, grid: g, clock: clock,
		stopped:   make(chan struct{}),
		instances: map[*instance]bool{},
		tallies:   map[string]*record{},
	}
	t.buffers.New = func() any { return new([copyBuffer]byte) }
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// apply makes the order so, or changes nothing and says why. taken tells who else listens on an address.
func (t *target) apply(o router.Order, taken func(address string) error) error {
	c, err := decode(o.With)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.table.Load()
	if old != nil && reflect.DeepEqual(old.order, o) {
		return nil
	}
	next, err := newTable(o, &c, t.finder(&c))
	if err != nil {
		return err
	}
	retire, err := t.listen(&c, taken)
	if err != nil {
		return err
	}
	t.swap(old, next)
	t.work.Go(func() { retire(time.Duration(c.Drain)) })
	return nil
}

// finder returns the known instance where the order means the same one, and otherwise a new one, which takes over the
// counters of its name.
func (t *target) finder(c *config) func(name, url string) (*instance, error) {
	fresh := map[string]*instance{}
	return func(name, url string) (*instance, error) {
		for in := range t.instances {
			if in.name == name && in.same(url, c) {
				return in, nil
			}
		}
		if in, ok := fresh[name]; ok && in.text == url {
			return in, nil
		}
		count := newTally(t.grid)
		if known, ok := t.tallies[name]; ok {
			count = known.tally
		}
		in, err := newInstance(name, url, c, count)
		if err == nil {
			fresh[name] = in
		}
		return in, err
	}
}

// listen opens the door and starts the server the settings ask for, where they are not there yet. It returns how to
// retire those they replace, once the table stands. Nothing has changed when it returns an error.
func (t *target) listen(c *config, taken func(address string) error) (retire func(drain time.Duration), err error) {
	want := c.server()
	if t.door != nil && t.door.address == c.Listen && t.server.settings == want {
		return func(time.Duration) {}, nil
	}
	next, err := newServer(want, t, t.log)
	if err != nil {
		return nil, err
	}
	oldDoor, oldServer := t.door, t.server
	moves := oldDoor == nil || oldDoor.address != c.Listen
	if moves {
		if err := taken(c.Listen); err != nil {
			return nil, err
		}
		opened, err := openDoor(c.Listen)
		if err != nil {
			return nil, err
		}
		t.door = opened
	}
	t.server = next
	if oldServer == nil {
		return func(time.Duration) {}, nil
	}
	next.start(t.door)
	if !moves {
		oldServer.leave() // from here on the new one gets the connections
	}
	return func(drain time.Duration) {
		if moves {
			oldDoor.close()
		}
		ctx, cancel := context.WithTimeout(t.ctx, 2*drain)
		defer cancel()
		oldServer.stop(ctx, drain)
	}, nil
}

// swap puts the new table in place of the old one. Instances are let in before and shown out after, so that at every
// instant each instance of the standing table lets requests in.
func (t *target) swap(old, next *table) {
	now := t.clock()
	for _, in := range next.instances {
		if in.deadline != nil {
			in.deadline.Stop()
			in.deadline = nil
		}
		in.gone.Store(false)
		in.killed.Store(false)
		t.instances[in] = true
		t.tallies[in.name] = &record{tally: in.tally}
	}
	t.table.Store(next)
	if old != nil {
		close(old.superseded)
	} else {
		t.server.start(t.door)
	}
	for in := range t.instances {
		if next.instances[in.name] != in && !in.gone.Load() {
			t.showOut(in, time.Duration(next.config.Drain))
		}
	}
	for name, r := range t.tallies {
		if next.instances[name] == nil && r.gone.IsZero() {
			r.gone = now
		}
	}
	t.forget(now)
}

// showOut lets no more requests in, and ends those under way when the drain time is over.
func (t *target) showOut(in *instance, drain time.Duration) {
	in.gone.Store(true)
	in.closeIdle()
	in.deadline = time.AfterFunc(drain, func() {
		if in.gone.Load() {
			in.kill()
		}
	})
}

// forget drops what is over.
func (t *target) forget(now time.Time) {
	for in := range t.instances {
		if in.gone.Load() && (in.busy.Load() == 0 || in.killed.Load()) {
			in.deadline.Stop()
			in.closeIdle()
			delete(t.instances, in)
		}
	}
	for name, r := range t.tallies {
		if !r.gone.IsZero() && now.Sub(r.gone) > keepGone {
			delete(t.tallies, name)
		}
	}
}

// observe tells what the table says, and who is busy.
func (t *target) observe() plan.Route {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(t.clock())
	order := t.table.Load().order
	route := plan.Route{Traffic: cloneTraffic(order.Traffic), Pools: maps.Clone(order.Pools), Busy: map[string]int{}}
	for in := range t.instances {
		route.Busy[in.name] += int(in.busy.Load())
	}
	return route
}

// counted tells the totals of all instances, and of those that left not long ago.
func (t *target) counted() map[string]metric.Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(t.clock())
	all := make(map[string]metric.Counters, len(t.tallies))
	for name, r := range t.tallies {
		all[name] = r.tally.read()
	}
	return all
}

func (t *target) aside() Aside {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := Aside{Cancelled: map[string]int64{}, Waiting: t.waiting.Load(), LeftOut: t.leftOut.Load()}
	for name, r := range t.tallies {
		a.Cancelled[name] = r.tally.gone()
	}
	return a
}

func (t *target) addr() net.Addr {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.door.listener.Addr()
}

// close answers what is under way and ends. The context, or the drain time, bounds how long that may take.
func (t *target) close(ctx context.Context) error {
	t.mu.Lock()
	server, door, drain := t.server, t.door, time.Duration(t.table.Load().config.Drain)
	t.mu.Unlock()
	door.close()
	ctx, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- server.stop(ctx, lingering) }()
	idle := awaitQuiet(ctx, drain, func() bool { return t.busy() == 0 && server.entrance.inside.Load() == 0 })
	if !idle {
		close(t.stopped) // those who wait for an instance wait no longer
		t.eachInstance((*instance).kill)
	} else {
		defer close(t.stopped)
	}
	err := <-ended
	t.cancel() // ends servers that were replaced, and copies
	t.work.Wait()
	t.eachInstance(func(in *instance) {
		in.closeIdle()
		in.kill()
		if in.deadline != nil {
			in.deadline.Stop()
		}
	})
	if err != nil || !idle {
		return fmt.Errorf("drain target %s: requests were still under way after %s", t.name, drain)
	}
	return nil
}

func (t *target) busy() (n int64) {
	t.eachInstance(func(in *instance) { n += in.busy.Load() })
	return n + t.waiting.Load()
}

func (t *target) eachInstance(do func(*instance)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for in := range t.instances {
		do(in)
	}
}
