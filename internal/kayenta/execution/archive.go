package execution

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"serin.dev/serin/internal/kayenta/storage"
)

// archiveMost is how often a store is asked to take an archive.
const archiveMost = 20

// archive leaves the final status in the account's store, where Kayenta leaves it, and then forgets executions that are too
// many. A store in trouble is asked again; the execution is over in any case.
func (r *Runner) archive(ctx context.Context, o Order, p Progress) (time.Time, error) {
	now := r.Now()
	if p.Archived || p.ArchiveTrys >= archiveMost {
		return time.Time{}, r.prune(ctx)
	}
	if p.ArchiveAt.After(now) {
		return p.ArchiveAt, nil
	}
	err := r.leave(ctx, o)
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	again := time.Time{}
	if err != nil {
		r.Log.Warn("execution was not archived", "execution", o.ID, "account", o.StorageAccount, "error", err)
		again = now.Add(min(10*time.Minute, time.Second<<min(p.ArchiveTrys, 10)))
	}
	recorded := r.amend(ctx, o.ID, func(p *Progress) error {
		p.Archived, p.ArchiveAt, p.ArchiveTrys = err == nil, again, p.ArchiveTrys+1
		return nil
	})
	if err != nil || recorded != nil {
		return again, recorded
	}
	return time.Time{}, r.prune(ctx)
}

func (r *Runner) leave(ctx context.Context, o Order) error {
	var status any
	var err error
	kind := storage.Results
	switch o.Kind {
	case Canary:
		status, err = r.Canary(ctx, o.ID)
	case Analysis:
		kind = storage.AnalysisResults
		status, err = r.Analysis(ctx, o.ID)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	data, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("write status of %s: %w", o.ID, err)
	}
	store, err := r.Objects(o.StorageAccount)
	if err != nil {
		return err
	}
	return store.Put(ctx, kind, o.ID, kind.File(o.ID), data)
}

// prune forgets the oldest executions that are over and too many. While an analysis is under way, its canaries stay.
func (r *Runner) prune(ctx context.Context) error {
	for _, h := range r.surplus() {
		if err := r.forget(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) surplus() []Head {
	r.mu.Lock()
	defer r.mu.Unlock()
	var over []Head
	for _, e := range r.all {
		parent := r.all[e.head.Analysis]
		settled := e.progress.Archived || e.progress.ArchiveTrys >= archiveMost
		if e.progress.Status.Over() && settled && (parent == nil || parent.progress.Status.Over()) {
			over = append(over, e.head)
		}
	}
	slices.SortFunc(over, newestFirst)
	return over[min(r.History, len(over)):]
}

// forget removes an execution. What it left in a bounded account goes first: without the record nobody would know of it.
func (r *Runner) forget(ctx context.Context, h Head) error {
	if r.Bounded(h.Storage) {
		if err := r.sweep(ctx, h); err != nil {
			return err
		}
	}
	if err := r.journal.forget(ctx, h.ID); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.all, h.ID)
	r.mu.Unlock()
	return nil
}

func (r *Runner) sweep(ctx context.Context, h Head) error {
	store, err := r.Objects(h.Storage)
	if err != nil {
		return err
	}
	p, _ := r.progress(h.ID)
	type object struct {
		kind storage.Kind
		id   string
	}
	all := []object{{storage.Results, h.ID}, {storage.AnalysisResults, h.ID}}
	for _, s := range p.Stages {
		kind := storage.MetricSets
		if s.Type == mixType {
			kind = storage.MetricSetPairs
		}
		all = append(all, object{kind, cmp.Or(s.Output, product(h.ID, s.Ref))})
	}
	for _, o := range all {
		if err := store.Delete(ctx, o.kind, o.id); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	return nil
}
