package kayenta

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/storage"
)

// A Summary is what lists tell of a canary config.
type Summary struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Updated      int64    `json:"updatedTimestamp"`
	UpdatedISO   string   `json:"updatedTimestampIso"`
	Applications []string `json:"applications"`
}

// An index remembers the summaries of configs, by account, id and version: a list reads only what has changed.
type index struct {
	saving sync.Mutex // names are unique: one config is saved at a time

	mu    sync.Mutex
	known map[string]map[string]indexed
}

type indexed struct {
	version string
	summary Summary
}

const readAtOnce = 8

// summaries lists all configs of an account.
func (s *Service) summaries(ctx context.Context, account string) ([]Summary, error) {
	store, err := s.accounts.store(account)
	if err != nil {
		return nil, err
	}
	objects, err := store.List(ctx, storage.Configs)
	if err != nil {
		return nil, err
	}
	all := make([]Summary, len(objects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i, o := range objects {
		if known, ok := s.index.recall(account, o); ok {
			all[i] = known
			continue
		}
		group.Go(func() error {
			data, err := store.Get(ctx, storage.Configs, o.ID)
			if errors.Is(err, storage.ErrNotFound) {
				return nil // deleted meanwhile
			}
			if err != nil {
				return err
			}
			c, err := judge.ReadConfig(data)
			if err != nil {
				s.log.Warn("config is left out", "account", account, "id", o.ID, "error", err)
				return nil
			}
			all[i] = summarize(o, c)
			s.index.learn(account, o, all[i])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	s.index.keep(account, objects)
	return slices.DeleteFunc(all, func(m Summary) bool { return m.ID == "" }), nil
}

func summarize(o storage.Object, c judge.Config) Summary {
	updated := o.Updated.UnixMilli()
	if c.UpdatedTimestamp != nil {
		updated = *c.UpdatedTimestamp
	}
	return Summary{o.ID, c.Name, updated, moment(updated), list(c.Applications)}
}

func moment(millis int64) string {
	return time.UnixMilli(millis).UTC().Format("2006-01-02T15:04:05.000Z")
}

func (x *index) recall(account string, o storage.Object) (Summary, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	one, ok := x.known[account][o.ID]
	return one.summary, ok && one.version == o.Version
}

func (x *index) learn(account string, o storage.Object, m Summary) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.known[account] == nil {
		x.known[account] = map[string]indexed{}
	}
	x.known[account][o.ID] = indexed{o.Version, m}
}

// keep forgets what is no longer there.
func (x *index) keep(account string, objects []storage.Object) {
	there := map[string]bool{}
	for _, o := range objects {
		there[o.ID] = true
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for id := range x.known[account] {
		if !there[id] {
			delete(x.known[account], id)
		}
	}
}
