// Package conformance is the suite that every store of Kayenta's objects passes.
package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/kayenta/storage"
)

// Run runs the suite. open makes an empty store.
func Run(t *testing.T, open func(t *testing.T) storage.Store) {
	for name, test := range map[string]func(*testing.T, context.Context, storage.Store){
		"what was written is read back":             readsBack,
		"nothing there is ErrNotFound":              notFound,
		"an id is taken once":                       takenOnce,
		"creations at the same time: one succeeds":  oneOfMany,
		"a new name replaces the old file":          renamed,
		"kinds do not meet":                         kinds,
		"ids that begin alike are told apart":       prefixes,
		"a listing knows what changed":              versions,
		"what lies deeper or elsewhere is no path":  paths,
		"too much is refused":                       tooLarge,
		"what was deleted is gone, and may be anew": deleted,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			test(t, ctx, s)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, ctx context.Context, s storage.Store, k storage.Kind, id, text string) {
	t.Helper()
	must(t, s.Put(ctx, k, id, k.File(id), []byte(text)))
}

func want(t *testing.T, ctx context.Context, s storage.Store, k storage.Kind, id, text string) {
	t.Helper()
	if got, err := s.Get(ctx, k, id); err != nil || string(got) != text {
		t.Errorf("%s %s: got %.80q, %v, want %.80q", k, id, got, err, text)
	}
}

func ids(t *testing.T, ctx context.Context, s storage.Store, k storage.Kind) []string {
	t.Helper()
	all, err := s.List(ctx, k)
	must(t, err)
	var names []string
	for _, o := range all {
		names = append(names, o.ID)
	}
	return names
}

func readsBack(t *testing.T, ctx context.Context, s storage.Store) {
	text := strings.Repeat(`{"value":"NaN"} `, 200_000) // 3 MB
	must(t, s.Create(ctx, storage.MetricSets, "a", "metric_sets.json", []byte(text)))
	want(t, ctx, s, storage.MetricSets, "a", text)
	put(t, ctx, s, storage.MetricSets, "a", "{}")
	want(t, ctx, s, storage.MetricSets, "a", "{}")
}

func notFound(t *testing.T, ctx context.Context, s storage.Store) {
	if _, err := s.Get(ctx, storage.Configs, "none"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if err := s.Delete(ctx, storage.Configs, "none"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("delete: %v", err)
	}
	if all, err := s.List(ctx, storage.Configs); err != nil || len(all) > 0 {
		t.Errorf("list: %v, %v", all, err)
	}
}

func takenOnce(t *testing.T, ctx context.Context, s storage.Store) {
	must(t, s.Create(ctx, storage.Configs, "a", "first.json", []byte("1")))
	for _, file := range []string{"first.json", "second.json"} {
		if err := s.Create(ctx, storage.Configs, "a", file, []byte("2")); !errors.Is(err, storage.ErrExists) {
			t.Errorf("created again as %s: %v", file, err)
		}
	}
	want(t, ctx, s, storage.Configs, "a", "1")
}

func oneOfMany(t *testing.T, ctx context.Context, s storage.Store) {
	const n = 8
	won := make([]bool, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			err := s.Create(ctx, storage.Results, "a", "a.json", fmt.Append(nil, i))
			if won[i] = err == nil; err != nil && !errors.Is(err, storage.ErrExists) {
				t.Errorf("creation %d: %v", i, err)
			}
		})
	}
	all.Wait()
	winner := slices.Index(won, true)
	if winner < 0 || slices.Contains(won[winner+1:], true) {
		t.Fatalf("these succeeded: %v", won)
	}
	want(t, ctx, s, storage.Results, "a", fmt.Sprint(winner))
}

func renamed(t *testing.T, ctx context.Context, s storage.Store) {
	must(t, s.Create(ctx, storage.Configs, "a", "old.json", []byte("old")))
	must(t, s.Put(ctx, storage.Configs, "a", "new.json", []byte("new")))
	want(t, ctx, s, storage.Configs, "a", "new")
	all, err := s.List(ctx, storage.Configs)
	must(t, err)
	if len(all) != 1 || all[0].File != "new.json" {
		t.Errorf("listed: %+v", all)
	}
}

func kinds(t *testing.T, ctx context.Context, s storage.Store) {
	put(t, ctx, s, storage.MetricSets, "a", "sets")
	put(t, ctx, s, storage.MetricSetPairs, "a", "pairs")
	want(t, ctx, s, storage.MetricSets, "a", "sets")
	want(t, ctx, s, storage.MetricSetPairs, "a", "pairs")
	must(t, s.Delete(ctx, storage.MetricSets, "a"))
	want(t, ctx, s, storage.MetricSetPairs, "a", "pairs")
}

func prefixes(t *testing.T, ctx context.Context, s storage.Store) {
	for _, id := range []string{"ab", "a", "abc"} {
		put(t, ctx, s, storage.Configs, id, "is "+id)
	}
	want(t, ctx, s, storage.Configs, "ab", "is ab")
	must(t, s.Delete(ctx, storage.Configs, "a"))
	if got := ids(t, ctx, s, storage.Configs); !slices.Equal(got, []string{"ab", "abc"}) {
		t.Errorf("left: %v", got)
	}
}

func versions(t *testing.T, ctx context.Context, s storage.Store) {
	put(t, ctx, s, storage.Configs, "a", "1")
	put(t, ctx, s, storage.Configs, "b", "1")
	before, err := s.List(ctx, storage.Configs)
	must(t, err)
	put(t, ctx, s, storage.Configs, "b", "2")
	after, err := s.List(ctx, storage.Configs)
	must(t, err)
	if len(before) != 2 || len(after) != 2 {
		t.Fatalf("listed %v, then %v", before, after)
	}
	if before[0].Version != after[0].Version || before[1].Version == after[1].Version || before[0].Updated.IsZero() {
		t.Errorf("listed %v, then %v", before, after)
	}
}

func paths(t *testing.T, ctx context.Context, s storage.Store) {
	put(t, ctx, s, storage.MetricSets, "secret", "1")
	for _, id := range []string{"", ".", "..", "a/b", "../metrics/secret", "a\x00b", strings.Repeat("a", 300)} {
		if err := s.Put(ctx, storage.Configs, id, "a.json", []byte("1")); !errors.Is(err, storage.ErrInvalid) {
			t.Errorf("id %q: %v", id, err)
		}
		if _, err := s.Get(ctx, storage.Configs, id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("get %q: %v", id, err)
		}
		if err := s.Delete(ctx, storage.Configs, id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("delete %q: %v", id, err)
		}
	}
	if err := s.Put(ctx, storage.Configs, "a", "../b.json", []byte("1")); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("file: %v", err)
	}
}

func tooLarge(t *testing.T, ctx context.Context, s storage.Store) {
	if err := s.Put(ctx, storage.Configs, "a", "a.json", bytes.Repeat([]byte(" "), storage.Limit+1)); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func deleted(t *testing.T, ctx context.Context, s storage.Store) {
	must(t, s.Create(ctx, storage.Configs, "a", "a.json", []byte("1")))
	must(t, s.Delete(ctx, storage.Configs, "a"))
	if _, err := s.Get(ctx, storage.Configs, "a"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	must(t, s.Create(ctx, storage.Configs, "a", "a.json", []byte("2")))
	want(t, ctx, s, storage.Configs, "a", "2")
}
