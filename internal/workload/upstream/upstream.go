package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Driver describes this workload to the catalog.
var Driver = workload.Driver{
	Kind:     "Upstream",
	Features: plan.Features{plan.Renaming},
	Check:    Check,
	New:      func(env workload.Env) (workload.Workload, error) { return New(env) },
}

// Upstreams looks after the servers of all targets. Close ends it; the servers do not notice.
type Upstreams struct {
	log    *slog.Logger
	dir    string // of orders; empty: nothing is kept
	over   context.Context
	end    context.CancelFunc
	asking sync.WaitGroup // one per server

	mu      sync.Mutex
	targets map[string]*target
}

// A target is what is known of one target's pools, guarded by Upstreams.mu.
type target struct {
	pools   map[plan.PoolName]*pool
	changed chan struct{}
}

// signal never blocks: one unread signal is enough.
func (t *target) signal() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// New goes on with the orders of an earlier serin in the directory. It returns when each server has been asked once, or
// after a second.
func New(env workload.Env) (*Upstreams, error) {
	if env.Log == nil {
		env.Log = slog.New(slog.DiscardHandler)
	}
	w := &Upstreams{log: env.Log, targets: map[string]*target{}}
	if env.Dir != "" {
		w.dir = filepath.Join(env.Dir, "orders")
		if err := os.MkdirAll(w.dir, 0o700); err != nil {
			return nil, fmt.Errorf("create directory of orders: %w", err)
		}
	}
	w.over, w.end = context.WithCancel(context.Background())
	if err := w.resume(); err != nil {
		w.end()
		w.asking.Wait()
		return nil, err
	}
	return w, nil
}

// A memo is the last order of a target as it is kept.
type memo struct {
	Target string               `json:"target"`
	Pools  []workload.PoolOrder `json:"pools"`
}

func (w *Upstreams) resume() error {
	if w.dir == "" {
		return nil
	}
	files, err := os.ReadDir(w.dir)
	if err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	for _, file := range files {
		if filepath.Ext(file.Name()) != ".json" {
			continue
		}
		var m memo
		data, err := os.ReadFile(filepath.Join(w.dir, file.Name()))
		if err == nil {
			err = json.Unmarshal(data, &m)
		}
		if err == nil {
			err = w.Apply(w.over, m.Target, workload.Order{Pools: m.Pools})
		}
		if err != nil {
			w.log.Warn("resume order of upstream", "file", file.Name(), "error", err) // the next order is complete again
		}
	}
	w.awaitFirst(time.After(time.Second))
	return nil
}

func (w *Upstreams) awaitFirst(patience <-chan time.Time) {
	var asked []chan struct{}
	w.mu.Lock()
	for _, t := range w.targets {
		for _, p := range t.pools {
			for _, s := range p.servers {
				asked = append(asked, s.asked)
			}
		}
	}
	w.mu.Unlock()
	for _, first := range asked {
		select {
		case <-first:
		case <-patience:
			return
		}
	}
}

// Features lists what the workload can do.
func (w *Upstreams) Features() plan.Features { return slices.Clone(Driver.Features) }

// Changed is signalled when a server of the target becomes ready or unready, or is used no more.
func (w *Upstreams) Changed(target string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.target(target).changed
}

// target finds or makes a target; w.mu is held.
func (w *Upstreams) target(name string) *target {
	t := w.targets[name]
	if t == nil {
		t = &target{pools: map[plan.PoolName]*pool{}, changed: make(chan struct{}, 1)}
		w.targets[name] = t
	}
	return t
}

// Observe reads how the target's servers are.
func (w *Upstreams) Observe(ctx context.Context, target string) ([]plan.Pool, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("observe %s: %w", target, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.targets[target]
	if t == nil {
		return nil, nil
	}
	var pools []plan.Pool
	for _, name := range slices.Sorted(maps.Keys(t.pools)) {
		pools = append(pools, t.pools[name].see())
	}
	return pools, nil
}

// Apply orders which revisions of the target are used. Either the whole order is taken or none of it.
func (w *Upstreams) Apply(ctx context.Context, target string, o workload.Order) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("apply %s: %w", target, err)
	}
	templates, err := check(o)
	if err != nil {
		return fmt.Errorf("apply %s: %w", target, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over.Err() != nil {
		return fmt.Errorf("apply %s: upstreams are closed", target)
	}
	t := w.target(target)
	for _, po := range o.Pools {
		if p := t.pools[po.Pool]; p != nil && !p.runs(po) {
			return fmt.Errorf("apply %s: pool %s still uses another template of revision %s; a changed template needs a revision of its own", target, po.Pool, p.revision)
		}
	}
	ordered := map[plan.PoolName]bool{}
	for _, po := range o.Pools {
		ordered[po.Pool] = true
		w.use(target, t, po, templates[po.Pool], o.Keep)
	}
	for name, p := range t.pools {
		if !ordered[name] {
			p.release(o.Keep)
			if len(p.servers) == 0 {
				delete(t.pools, name)
			}
		}
	}
	return w.remember(target, o)
}

// check reads all templates of an order and refuses what cannot be used.
func check(o workload.Order) (map[plan.PoolName]*Template, error) {
	templates := map[plan.PoolName]*Template{}
	for _, po := range o.Pools {
		if _, twice := templates[po.Pool]; twice {
			return nil, fmt.Errorf("pool %s is ordered twice", po.Pool)
		}
		if po.Replicas < 0 {
			return nil, fmt.Errorf("pool %s: %d replicas", po.Pool, po.Replicas)
		}
		template, err := decode(po.Template)
		if err != nil {
			return nil, fmt.Errorf("pool %s: template: %w", po.Pool, err)
		}
		templates[po.Pool] = template
	}
	return templates, nil
}

// remember keeps an order for the next serin; w.mu is held. Ordering the same again writes nothing.
func (w *Upstreams) remember(target string, o workload.Order) error {
	if w.dir == "" {
		return nil
	}
	data, err := json.Marshal(memo{target, o.Pools})
	if err != nil {
		return fmt.Errorf("encode order of %s: %w", target, err)
	}
	path := filepath.Join(w.dir, strings.TrimSuffix(workload.NamePrefix(target), "-")+".json")
	if old, err := os.ReadFile(path); err == nil && slices.Equal(old, data) {
		return nil
	}
	if err := workload.ReplaceFile(path, data); err != nil {
		w.log.Warn("keep order of upstream", "target", target, "error", err) // a full disk must not stop the traffic
	}
	return nil
}

// Close stops asking. It waits for questions under way until the context ends.
func (w *Upstreams) Close(ctx context.Context) error {
	w.mu.Lock()
	w.end()
	w.mu.Unlock()
	done := make(chan struct{})
	go func() { w.asking.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("close upstreams"), ctx.Err())
	}
}
