package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// Driver describes this workload to the catalog.
var Driver = workload.Driver{
	Kind:     "Process",
	Features: plan.Features{plan.Scaling, plan.Renaming, plan.Yielding},
	Check:    Check,
	New:      func(env workload.Env) (workload.Workload, error) { return New(env) },
}

// MaxReplicas bounds one pool: a typing error must not fill the machine with processes.
const MaxReplicas = 1000

// Processes runs the revisions of all targets as local processes. Close or Leave ends it.
type Processes struct {
	log   *slog.Logger
	shelf *shelf
	ports *harbour
	gate  chan struct{} // bounds starts under way: fork and fsync of a thousand replicas at once would starve the ready ones

	left   context.Context // done when replicas are to be left alone
	leave  context.CancelFunc
	caring sync.WaitGroup // one per replica

	mu      sync.Mutex
	closed  bool
	targets map[string]*target
}

// A target is what is known of one target's pools.
type target struct {
	name    string
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

// New adopts what an earlier serin left running in the directory and looks after it. It returns when each adopted
// replica has been asked once whether it is ready, or after a second.
func New(env workload.Env) (*Processes, error) {
	if env.Log == nil {
		env.Log = slog.New(slog.DiscardHandler)
	}
	if env.Dir == "" {
		return nil, errors.New("open processes: no directory to keep records in")
	}
	dir, err := filepath.Abs(env.Dir)
	if err != nil {
		return nil, fmt.Errorf("open processes: %w", err)
	}
	shelf, err := openShelf(dir)
	if err != nil {
		return nil, err
	}
	w := &Processes{
		log: env.Log, shelf: shelf, ports: &harbour{taken: map[int]string{}},
		gate: make(chan struct{}, 8), targets: map[string]*target{},
	}
	w.left, w.leave = context.WithCancel(context.Background())
	records, err := shelf.load()
	if err != nil {
		w.log.Warn("read records of processes", "error", err)
	}
	w.adoptAll(records)
	return w, nil
}

func (w *Processes) adoptAll(records []record) {
	slices.SortFunc(records, func(a, b record) int { return a.Number - b.Number })
	var asked []<-chan struct{}
	w.mu.Lock()
	for _, r := range records {
		process, err := adopt(w.left, r)
		if err != nil {
			w.log.Info("process of record is gone", "instance", r.Instance, "pid", r.Pid)
			sweep(r.Mark)
			w.warn(w.shelf.remove(r.Instance))
			continue
		}
		w.log.Info("adopted process", "instance", r.Instance, "pid", process.pid)
		w.ports.moor(r.Instance, r.Port)
		if r.Pid == 0 {
			r.Pid, r.Started = process.pid, process.started
			w.warn(w.shelf.save(r))
		}
		p := w.target(r.Target).pool(r.Pool, r.Revision)
		p.digest = r.Digest
		if !r.Leaving {
			p.wanted++
		}
		asked = append(asked, w.admit(p, newReplica(w, p, r), process))
	}
	w.mu.Unlock()
	patience := time.After(time.Second)
	for _, first := range asked {
		select {
		case <-first:
		case <-patience:
			return
		}
	}
}

// admit adds a replica to its pool and starts to look after it; w.mu is held.
func (w *Processes) admit(p *pool, r *replica, process *child) <-chan struct{} {
	r.running = process != nil
	p.replicas = append(p.replicas, r)
	w.caring.Go(func() { r.live(process) })
	return r.asked
}

// target finds or makes a target; w.mu is held.
func (w *Processes) target(name string) *target {
	t := w.targets[name]
	if t == nil {
		t = &target{name: name, pools: map[plan.PoolName]*pool{}, changed: make(chan struct{}, 1)}
		w.targets[name] = t
	}
	return t
}

func (w *Processes) warn(err error) {
	if err != nil {
		w.log.Warn("keep processes", "error", err)
	}
}

// Features lists what the workload can do.
func (w *Processes) Features() plan.Features { return slices.Clone(Driver.Features) }

// Changed is signalled when a replica of the target becomes ready or unready, ends or starts.
func (w *Processes) Changed(target string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.target(target).changed
}

// Observe reads what runs of the target.
func (w *Processes) Observe(ctx context.Context, target string) ([]plan.Pool, error) {
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

// Apply orders what shall run of the target. Either the whole order is taken or none of it.
func (w *Processes) Apply(ctx context.Context, target string, o workload.Order) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("apply %s: %w", target, err)
	}
	templates, err := check(o)
	if err != nil {
		return fmt.Errorf("apply %s: %w", target, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("apply %s: processes are closed", target)
	}
	t := w.target(target)
	for _, po := range o.Pools {
		if p := t.pools[po.Pool]; p != nil && !p.runs(po) {
			return fmt.Errorf("apply %s: pool %s still runs another template of revision %s; a changed template needs a revision of its own", target, po.Pool, p.revision)
		}
	}
	ordered := map[plan.PoolName]bool{}
	for _, po := range o.Pools {
		ordered[po.Pool] = true
		p := t.pool(po.Pool, po.Revision)
		p.template, p.digest, p.ordered = templates[po.Pool], digest(po.Template), true
		p.fill(w, po.Replicas, o.Keep)
	}
	for name, p := range t.pools {
		if !ordered[name] {
			p.ordered = false
			p.fill(w, 0, o.Keep)
		}
	}
	return nil
}

// check reads all templates of an order and refuses what cannot be run.
func check(o workload.Order) (map[plan.PoolName]*Template, error) {
	templates := map[plan.PoolName]*Template{}
	for _, po := range o.Pools {
		if _, twice := templates[po.Pool]; twice {
			return nil, fmt.Errorf("pool %s is ordered twice", po.Pool)
		}
		if po.Replicas < 0 || po.Replicas > MaxReplicas {
			return nil, fmt.Errorf("pool %s: %d replicas is not from 0 to %d", po.Pool, po.Replicas, MaxReplicas)
		}
		template, err := decode(po.Template)
		if err != nil {
			return nil, fmt.Errorf("pool %s: template: %w", po.Pool, err)
		}
		templates[po.Pool] = template
	}
	return templates, nil
}

// Close stops all replicas and waits for them. When the context ends first, they are killed.
func (w *Processes) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	for _, t := range w.targets {
		for _, p := range t.pools {
			p.fill(w, 0, nil)
		}
	}
	w.mu.Unlock()
	done := make(chan struct{})
	go func() { w.caring.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("stop processes: %w: killed what was left", ctx.Err())
		w.killAll()
		select {
		case <-done:
		case <-time.After(5 * time.Second): // a process can be deaf even to SIGKILL, for instance inside a dead file system
		}
	}
	w.leave()
	return errors.Join(err, w.shelf.close())
}

func (w *Processes) killAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.targets {
		for _, p := range t.pools {
			for _, r := range p.replicas {
				r.hurry = true
				r.stir()
			}
		}
	}
}

// Leave stops looking after the replicas without stopping them: the next serin on this directory adopts them.
func (w *Processes) Leave() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.leave()
	w.caring.Wait()
	return w.shelf.close()
}
