package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// Driver describes the embedded proxy to the catalog.
var Driver = router.Driver{
	Name: "proxy",
	Features: plan.Features{
		plan.Weights, plan.Fine, plan.Headers, plan.Cookies, plan.Paths, plan.Mirroring, plan.FineMirroring,
		plan.Stickying, plan.StickyHeaders, plan.Draining,
	},
	Check: Check,
	New:   func(env router.Env) (router.Router, error) { return New(env), nil },
}

// A Proxy is the embedded router. Close ends it.
type Proxy struct {
	log   *slog.Logger
	grid  *grid
	clock func() time.Time

	mu       sync.Mutex
	targets  map[string]*target
	closed   bool
	restored sync.WaitGroup // targets that are closing
}

// New returns a proxy that serves nothing yet.
func New(env router.Env) *Proxy {
	log := env.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Proxy{log: log, grid: newGrid(), clock: time.Now, targets: map[string]*target{}}
}

// Features lists what the proxy can do: everything there is.
func (p *Proxy) Features() plan.Features { return slices.Clone(Driver.Features) }

// Apply makes the order so and returns when it holds: every request that is let in afterwards follows it. The first order
// opens the target's address, and returns an error that names it where it is taken.
func (p *Proxy) Apply(_ context.Context, name string, o router.Order) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("order target %s: the proxy is closed", name)
	}
	t, known := p.targets[name]
	if !known {
		t = newTarget(name, p.log, p.grid, p.clock)
	}
	if err := t.apply(clone(o), func(address string) error { return p.taken(name, address) }); err != nil {
		return fmt.Errorf("order target %s: %w", name, err)
	}
	p.targets[name] = t
	return nil
}

// taken refuses an address that another target of this proxy has.
func (p *Proxy) taken(name, address string) error {
	if strings.HasSuffix(address, ":0") {
		return nil
	}
	for other, t := range p.targets {
		if other != name && t.door.address == address {
			return fmt.Errorf("listen on %s: target %s is served there", address, other)
		}
	}
	return nil
}

// Observe tells the order that holds. Nothing is ever pending: tables are swapped whole.
func (p *Proxy) Observe(_ context.Context, name string) (plan.Route, error) {
	if t := p.target(name); t != nil {
		return t.observe(), nil
	}
	return plan.Route{}, nil
}

// Restore closes the target's address at once, and in the background lets its requests finish within the drain time.
func (p *Proxy) Restore(_ context.Context, name string) error {
	p.mu.Lock()
	t, known := p.targets[name]
	if known {
		delete(p.targets, name)
		p.restored.Go(func() {
			if err := t.close(context.Background()); err != nil {
				p.log.Warn("restore target", "target", name, "error", err)
			}
		})
	}
	p.mu.Unlock()
	if known {
		t.door.close()
	}
	return nil
}

// Close ends all targets: no new connections, requests under way are answered, for as long as the context and the drain
// time allow. An error says that some were cut off.
func (p *Proxy) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	targets := slices.Collect(maps.Values(p.targets))
	clear(p.targets)
	p.mu.Unlock()
	errs := make([]error, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() { errs[i] = t.close(ctx) })
	}
	wg.Wait()
	p.restored.Wait()
	return errors.Join(errs...)
}

// Addr returns the address a target is served on; nil for an unknown target. It is of use where an order asked for
// port 0.
func (p *Proxy) Addr(name string) net.Addr {
	if t := p.target(name); t != nil {
		return t.addr()
	}
	return nil
}

// Counted returns what was counted on each instance of a target, those included that left in the last ten minutes. It is nil
// for an unknown target.
func (p *Proxy) Counted(name string) map[string]metric.Counters {
	if t := p.target(name); t != nil {
		return t.counted()
	}
	return nil
}

// Aside is what the proxy noticed of a target beside its counters. It is not evidence, but explains evidence that is missing.
type Aside struct {
	Cancelled map[string]int64 `json:"cancelled"` // by instance: clients that went away before the answer
	Waiting   int64            `json:"waiting"`   // requests that wait for an instance now
	LeftOut   int64            `json:"leftOut"`   // requests that should have been mirrored and were not
}

// Aside returns it; the zero Aside for an unknown target.
func (p *Proxy) Aside(name string) Aside {
	if t := p.target(name); t != nil {
		return t.aside()
	}
	return Aside{}
}

func (p *Proxy) target(name string) *target {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.targets[name]
}

// clone keeps an order apart from what its owner does with it later.
func clone(o router.Order) router.Order {
	c := router.Order{Traffic: cloneTraffic(o.Traffic), Pools: maps.Clone(o.Pools), With: slices.Clone(o.With)}
	if o.Endpoints != nil {
		c.Endpoints = make(map[plan.TrackName][]plan.Endpoint, len(o.Endpoints))
		for track, endpoints := range o.Endpoints {
			c.Endpoints[track] = slices.Clone(endpoints)
		}
	}
	return c
}

func cloneTraffic(t plan.Traffic) plan.Traffic {
	c := plan.Traffic{Shares: maps.Clone(t.Shares), Matches: slices.Clone(t.Matches)}
	for i, m := range c.Matches {
		c.Matches[i].Headers, c.Matches[i].Cookies = slices.Clone(m.Headers), slices.Clone(m.Cookies)
		c.Matches[i].Path = clonePointer(m.Path)
	}
	c.Mirror, c.Sticky = clonePointer(t.Mirror), clonePointer(t.Sticky)
	return c
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}
