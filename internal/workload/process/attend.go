package process

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"serin.dev/serin/internal/workload"
)

// attend looks after a running process until it ends, or until serin leaves.
func (r *replica) attend(process *child) {
	ctx, cancel := context.WithCancel(r.w.left)
	defer cancel()
	pulses := make(chan workload.Pulse)
	probe := workload.NewProbe(r.record.Health.Health, r.record.url())
	done := make(chan struct{})
	go func() { probe.Run(ctx, pulses); close(done) }()
	defer func() { cancel(); <-done }()

	r.update(func() { r.running = true })
	a := attendance{replica: r, process: process, stop: r.record.Stop}
	a.startup = time.After(time.Duration(r.record.Health.Startup))
	housekeeping := time.NewTicker(time.Second)
	defer housekeeping.Stop()
	a.obey()
	for {
		select {
		case <-process.ended:
			return
		case <-r.w.left.Done():
			return
		case got := <-pulses:
			a.feel(got)
		case <-r.wake:
			a.obey()
		case <-a.startup:
			a.giveUp()
		case <-a.kill:
			a.send(syscall.SIGKILL)
		case <-housekeeping.C:
			r.w.warn(turnOver(r.logPath(r.record.Instance), logLimit))
		}
	}
}

// An attendance is the state of looking after one process.
type attendance struct {
	*replica
	process *child
	stop    Stop
	startup <-chan time.Time // nil once the process was ready
	kill    <-chan time.Time // nil until it was asked to end
}

// feel takes an answer of the process into account.
func (a *attendance) feel(got workload.Pulse) {
	r := a.replica
	if got.Ready {
		a.startup = nil
	}
	var output string
	if got.Err != nil && !got.Ready {
		output = tail(r.logPath(r.record.Instance))
	}
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	was := r.ready
	r.ready = got.Ready && !r.stopping
	switch {
	case r.ready:
		r.trouble, r.looping = "", false
		if !was && r.served.IsZero() {
			r.served = time.Now()
		}
	case !r.looping && got.Err != nil:
		r.trouble = withOutput(fmt.Sprintf("%s is not ready: %v", r.record.Instance, got.Err), output)
	}
	if was != r.ready {
		r.w.log.Info("readiness changed", "instance", r.record.Instance, "ready", r.ready, "error", got.Err)
		r.pool.target.signal()
	}
	select {
	case <-r.asked:
	default:
		close(r.asked)
	}
}

// obey does what Apply asked for: remember leaving, and stop when that is allowed.
func (a *attendance) obey() {
	_, leaving, stopping, hurry := a.orders()
	if leaving != a.record.Leaving {
		rec := a.record
		rec.Leaving = leaving
		a.w.warn(a.w.shelf.save(rec))
		a.update(func() { a.record = rec })
	}
	if stopping {
		a.end()
	}
	if hurry {
		a.send(syscall.SIGKILL)
	}
}

// end asks the process to end, once, and sets the time when it is killed.
func (a *attendance) end() {
	if a.kill != nil {
		return
	}
	a.startup = nil
	a.kill = time.After(time.Duration(a.stop.Grace))
	a.update(func() { a.ready = false })
	a.w.log.Info("stopping process", "instance", a.record.Instance, "signal", a.stop.Signal)
	a.send(signals[a.stop.Signal])
}

// giveUp ends a process that did not become ready in time.
func (a *attendance) giveUp() {
	a.update(func() { a.cause = fmt.Sprintf("not ready within %s", time.Duration(a.record.Health.Startup)) })
	a.end()
}

func (a *attendance) send(sig syscall.Signal) {
	if err := a.process.signal(sig); err != nil && err != errGone {
		a.w.warn(fmt.Errorf("stop %s: %w", a.record.Instance, err))
	}
}
