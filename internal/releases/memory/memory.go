// Package memory keeps releases in memory: for tests, the simulated world and dry runs. Every write goes through the
// encoding, so that it forgets exactly what a store on disk would; what it hands out is decoded once per write and must
// only be read.
package memory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"serin.dev/serin/internal/releases"
)

// A Store is empty at first.
type Store struct {
	mu       sync.Mutex
	targets  map[string]record[releases.Target]
	releases map[string]record[releases.Release]
	statuses map[string]record[releases.Status]
	order    []string

	// Before is called before each write, with what is about to be written. An error stops the write. Tests use it to
	// lose writes and to crash.
	Before func(what string) error
	// After is called after each write has become durable.
	After func(what string)
}

// A record is a value as it would be at rest, and as it reads from there.
type record[T any] struct {
	data  []byte
	value T
}

// New returns an empty store.
func New() *Store {
	return &Store{targets: map[string]record[releases.Target]{}, releases: map[string]record[releases.Release]{}, statuses: map[string]record[releases.Status]{}}
}

var _ releases.Store = (*Store)(nil)

// Targets implements releases.Store.
func (s *Store) Targets() ([]releases.Target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []releases.Target
	for _, key := range slices.Sorted(maps.Keys(s.targets)) {
		all = append(all, s.targets[key].value)
	}
	return all, nil
}

// Target implements releases.Store.
func (s *Store) Target(key string) (releases.Target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return read(s.targets, "target", key)
}

// Begin implements releases.Store.
func (s *Store) Begin(r releases.Release, change func(*releases.Target) error) error {
	return s.write("begin "+r.Name, func() (func(), error) {
		if _, taken := s.releases[r.Name]; taken {
			return nil, fmt.Errorf("begin release %s: the name is taken", r.Name)
		}
		t, err := fresh(s.targets, "target", r.Target)
		if err != nil {
			t = releases.Target{Key: r.Target}
		}
		if err := change(&t); err != nil {
			return nil, err
		}
		return func() {
			s.targets[r.Target] = encode(t)
			s.releases[r.Name] = encode(r)
			s.statuses[r.Name] = encode(releases.Status{})
			s.order = append(s.order, r.Name)
		}, nil
	})
}

// ChangeTarget implements releases.Store.
func (s *Store) ChangeTarget(key string, change func(*releases.Target) error) error {
	return s.write("target "+key, func() (func(), error) {
		t, err := fresh(s.targets, "target", key)
		if err != nil {
			return nil, err
		}
		if err := change(&t); err != nil {
			return nil, err
		}
		return func() { s.targets[key] = encode(t) }, nil
	})
}

// Release implements releases.Store.
func (s *Store) Release(name string) (releases.Release, releases.Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := read(s.releases, "release", name)
	if err != nil {
		return r, releases.Status{}, err
	}
	status, err := read(s.statuses, "status", name)
	return r, status, err
}

// Releases implements releases.Store.
func (s *Store) Releases() ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order), nil
}

// Change implements releases.Store.
func (s *Store) Change(name string, change func(*releases.Status) error) error {
	return s.write("status "+name, func() (func(), error) {
		status, err := fresh(s.statuses, "status", name)
		if err != nil {
			return nil, err
		}
		if err := change(&status); err != nil {
			return nil, err
		}
		return func() { s.statuses[name] = encode(status) }, nil
	})
}

// Conclude implements releases.Store.
func (s *Store) Conclude(name string, change func(*releases.Status, *releases.Target) error) error {
	return s.write("conclude "+name, func() (func(), error) {
		r, err := fresh(s.releases, "release", name)
		if err != nil {
			return nil, err
		}
		status, err := fresh(s.statuses, "status", name)
		if err != nil {
			return nil, err
		}
		t, err := fresh(s.targets, "target", r.Target)
		if err != nil {
			return nil, err
		}
		if err := change(&status, &t); err != nil {
			return nil, err
		}
		return func() { s.statuses[name], s.targets[r.Target] = encode(status), encode(t) }, nil
	})
}

// Forget implements releases.Store.
func (s *Store) Forget(name string) error {
	return s.write("forget "+name, func() (func(), error) {
		return func() {
			delete(s.releases, name)
			delete(s.statuses, name)
			s.order = slices.DeleteFunc(s.order, func(n string) bool { return n == name })
		}, nil
	})
}

// Close implements releases.Store.
func (s *Store) Close() error { return nil }

// write lets prepare work out what changes, then makes the change, with the hooks around it.
func (s *Store) write(what string, prepare func() (commit func(), err error)) error {
	s.mu.Lock()
	commit, err := prepare()
	if err == nil && s.Before != nil {
		err = s.Before(what)
	}
	if err != nil {
		s.mu.Unlock()
		return err
	}
	commit()
	s.mu.Unlock()
	if s.After != nil {
		s.After(what)
	}
	return nil
}

func read[T any](from map[string]record[T], what, key string) (T, error) {
	r, ok := from[key]
	if !ok {
		return r.value, fmt.Errorf("%s %s: %w", what, key, releases.ErrNotFound)
	}
	return r.value, nil
}

// fresh returns a copy that may be changed.
func fresh[T any](from map[string]record[T], what, key string) (T, error) {
	var v T
	r, ok := from[key]
	if !ok {
		return v, fmt.Errorf("%s %s: %w", what, key, releases.ErrNotFound)
	}
	if err := json.Unmarshal(r.data, &v); err != nil {
		return v, fmt.Errorf("decode %s %s: %w", what, key, err)
	}
	return v, nil
}

// encode cannot fail for the words of this package: they hold no channel, function or cycle, and read what they write.
func encode[T any](v T) record[T] {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("memory: encode %T: %v", v, err))
	}
	r := record[T]{data: data}
	if err := json.Unmarshal(data, &r.value); err != nil {
		panic(fmt.Sprintf("memory: decode %T: %v", v, err))
	}
	return r
}
