package execution

import (
	"context"
	"errors"
)

// progress returns how far an execution has come.
func (r *Runner) progress(id string) (Progress, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.all[id]
	if e == nil {
		return Progress{}, false
	}
	return e.progress.clone(), true
}

// errOver says that an execution ended while it was worked on.
var errOver = errors.New("the execution is over")

// change records a change of progress, and then makes it known. What is over stays as it is.
func (r *Runner) change(ctx context.Context, id string, do func(*Progress)) error {
	return r.amend(ctx, id, func(p *Progress) error {
		if p.Status.Over() {
			return errOver
		}
		do(p)
		return nil
	})
}

func (r *Runner) amend(ctx context.Context, id string, do func(*Progress) error) error {
	e := r.entry(id)
	if e == nil {
		return ErrNotFound
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	p, _ := r.progress(id)
	if err := do(&p); err != nil {
		return err
	}
	if err := r.journal.write(ctx, recordedProgress, id, p); err != nil {
		return err
	}
	r.mu.Lock()
	e.progress = p
	r.mu.Unlock()
	return nil
}

// Cancel ends an execution, and the canary that it may be waiting for. One that is over stays as it is.
func (r *Runner) Cancel(ctx context.Context, id string) error {
	p, ok := r.progress(id)
	if !ok {
		return ErrNotFound
	}
	err := r.change(ctx, id, func(p *Progress) { p.end(Canceled, r.Now(), nil) })
	if errors.Is(err, errOver) {
		return nil
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	if e := r.all[id]; e != nil {
		if e.touch(r.Now()); e.stop != nil {
			e.stop()
		}
	}
	r.mu.Unlock()
	r.nudge()
	return r.cancelParts(ctx, p)
}

func (r *Runner) cancelParts(ctx context.Context, p Progress) error {
	for _, s := range p.Stages {
		if s.Execution != "" && !s.Status.Over() {
			if err := r.Cancel(ctx, s.Execution); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
	}
	return nil
}
