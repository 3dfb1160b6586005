package process

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"serin.dev/serin/internal/workload"
)

// A replica is one place in a pool and the process that fills it now. One goroutine looks after it (live); the fields
// below mu are what it shares with Apply and Observe, guarded by Processes.mu.
type replica struct {
	w     *Processes
	pool  *pool
	wake  chan struct{} // an order changed something
	asked chan struct{} // closed after the first answer of the first process

	record   record    // of the present or last process
	served   time.Time // when this process first was ready; zero: never
	running  bool      // a process exists
	ready    bool
	leaving  bool // out of Endpoints, for good unless an order calls it back
	stopping bool // may be stopped
	hurry    bool // without grace
	trouble  string
	cause    string // why we stop it without an order
	looping  bool   // trouble tells of its end, and it was not ready since

	failures int       // ends that nobody asked for, since it last stayed up
	failing  time.Time // the first of them
}

func newReplica(w *Processes, p *pool, r record) *replica {
	return &replica{
		w: w, pool: p, record: r, leaving: r.Leaving,
		wake: make(chan struct{}, 1), asked: make(chan struct{}),
	}
}

// age orders replicas from old to young; one that was never started is the youngest.
func (r *replica) age() int {
	if r.record.Number == 0 {
		return int(^uint(0) >> 1)
	}
	return r.record.Number
}

// stir makes the replica's goroutine look at its orders again; it never blocks.
func (r *replica) stir() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// setLeaving takes the replica out of Endpoints or back in; Processes.mu is held.
func (r *replica) setLeaving(leaving bool) {
	r.leaving = leaving
	r.pool.target.signal()
}

// update changes shared fields and tells those who watch.
func (r *replica) update(change func()) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	change()
	r.pool.target.signal()
}

// orders reads what Apply asked for.
func (r *replica) orders() (template *Template, leaving, stopping, hurry bool) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	return r.pool.template, r.leaving, r.stopping, r.hurry
}

// live looks after the place until it is given up or serin leaves: start a process (or take the adopted one), attend it
// until it ends, wait, and again.
func (r *replica) live(process *child) {
	defer func() {
		r.w.mu.Lock()
		defer r.w.mu.Unlock()
		r.pool.drop(r)
	}()
	for {
		if process == nil {
			process = r.start()
		}
		if process != nil {
			r.attend(process)
			if r.w.left.Err() != nil {
				return // the process lives on
			}
			r.settle(process)
			process = nil
		}
		if !r.rest() {
			return
		}
	}
}

// start begins a new process; nil when that was not possible, with the reason in trouble.
func (r *replica) start() *child {
	select {
	case r.w.gate <- struct{}{}:
		defer func() { <-r.w.gate }()
	case <-r.w.left.Done():
		return nil
	}
	template, leaving, _, _ := r.orders()
	if template == nil || leaving {
		return nil
	}
	rec, err := r.prepare(template)
	if err != nil {
		r.failedToStart(err)
		return nil
	}
	process, err := r.launch(template, rec)
	if err != nil {
		r.w.ports.leave(rec.Instance, rec.Port)
		r.w.warn(r.w.shelf.remove(rec.Instance))
		r.failedToStart(err)
		return nil
	}
	r.w.log.Info("started process", "instance", rec.Instance, "pid", process.pid, "port", rec.Port)
	r.update(func() { r.running, r.served = true, time.Time{} })
	return process
}

// prepare gives the next process its name and port.
func (r *replica) prepare(t *Template) (record, error) {
	number, err := r.w.shelf.number()
	r.w.warn(err)
	r.w.mu.Lock()
	next := r.record
	r.w.mu.Unlock()
	next.Number, next.Instance = number, workload.InstanceName(next.Target, next.Revision, fmt.Sprintf("%d.%d", next.Ordinal, number))
	next.Mark, next.Boot, next.Pid, next.Started = rand.Text(), bootID(), 0, ""
	next.Health, next.Stop, next.Leaving = t.Health, t.Stop, false
	next.Port, err = r.w.ports.berth(next.Instance, t.Port)
	if err != nil {
		return record{}, err
	}
	r.update(func() { r.record = next })
	return next, nil
}

// launch records the start, starts, and records the pid. A record that cannot be written (a full disk) does not keep the
// replica from serving: it only could not be adopted after a crash.
func (r *replica) launch(t *Template, rec record) (*child, error) {
	r.w.warn(r.w.shelf.save(rec))
	log, err := openLog(r.logPath(rec.Instance))
	if err != nil {
		r.w.warn(fmt.Errorf("open log of %s: %w", rec.Instance, err))
	} else {
		defer log.Close()
	}
	process, err := spawn(t, rec, log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", rec.Instance, err)
	}
	rec.Pid, rec.Started = process.pid, process.started
	r.w.warn(r.w.shelf.save(rec))
	r.update(func() { r.record = rec })
	return process, nil
}

func (r *replica) logPath(instance string) string {
	return filepath.Join(r.w.shelf.dir, "logs", instance+".log")
}

// settle clears up after a process that ended and tells the story where nobody asked for the end.
func (r *replica) settle(process *child) {
	rec := r.record
	r.w.ports.leave(rec.Instance, rec.Port)
	r.w.warn(r.w.shelf.remove(rec.Instance))
	output := tail(r.logPath(rec.Instance))
	r.w.log.Info("process ended", "instance", rec.Instance, "how", process.how)
	r.update(func() {
		r.running, r.ready = false, false
		if r.stopping {
			return
		}
		how := process.how
		if r.cause != "" {
			how, r.cause = r.cause, ""
		}
		r.failed(how, output)
	})
	pruneLogs(filepath.Join(r.w.shelf.dir, "logs"), workload.NamePrefix(rec.Target), logsKept, func(instance string) bool {
		_, err := os.Stat(r.w.shelf.path(instance))
		return err == nil
	})
}

func (r *replica) failedToStart(err error) {
	r.w.log.Warn("start process", "error", err)
	r.update(func() { r.failed(err.Error(), "") })
}

// failed notes an end that nobody asked for; Processes.mu is held. Only a replica that served for a while makes a new
// beginning: one that crashes late in its start is still in a loop.
func (r *replica) failed(how string, output string) {
	if r.failures == 0 || !r.served.IsZero() && time.Since(r.served) >= r.backoff().Last {
		r.failures, r.failing = 0, time.Now()
	}
	r.failures++
	r.served = time.Time{}
	story := fmt.Sprintf("%s: %s", r.record.Instance, how)
	if r.failures > 1 {
		story += fmt.Sprintf(", %d times in %s", r.failures, time.Since(r.failing).Round(time.Second))
	}
	r.trouble, r.looping = withOutput(story, output), true
}

func withOutput(story, output string) string {
	if output == "" {
		return story
	}
	return story + "; last output:\n" + output
}

func (r *replica) backoff() Backoff {
	if r.pool.template == nil {
		return Backoff{time.Second, time.Minute}
	}
	return r.pool.template.Restart.Backoff
}

// rest waits before the next start; false when the place is given up.
func (r *replica) rest() bool {
	r.w.mu.Lock()
	wait, failures := r.backoff(), r.failures
	r.w.mu.Unlock()
	until := time.Now().Add(min(wait.Last, wait.First<<min(20, max(0, failures-1))))
	for {
		template, leaving, _, _ := r.orders()
		if leaving || r.w.left.Err() != nil {
			return false
		}
		ready := time.Until(until)
		if template != nil && ready <= 0 {
			return true
		}
		timer := time.NewTimer(max(ready, 0))
		if template == nil { // adopted, ended, and not yet ordered again: nothing to start it from
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-r.wake:
		case <-r.w.left.Done():
		}
		timer.Stop()
	}
}
