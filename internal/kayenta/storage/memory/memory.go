// Package memory keeps objects in memory, for tests of what stands above: they may then die a thousand times in a second.
package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"serin.dev/serin/internal/kayenta/storage"
)

// A Store is objects in memory.
type Store struct {
	now func() time.Time

	mu      sync.Mutex
	objects map[storage.Kind]map[string]object
	version int
}

type object struct {
	head storage.Object
	data []byte
}

var _ storage.Store = (*Store)(nil)

// New makes an empty store.
func New(now func() time.Time) *Store {
	return &Store{now: now, objects: map[storage.Kind]map[string]object{}}
}

// Close implements storage.Store.
func (s *Store) Close() error { return nil }

// Create implements storage.Store.
func (s *Store) Create(_ context.Context, k storage.Kind, id, file string, data []byte) error {
	return s.write(k, id, file, data, true)
}

// Put implements storage.Store.
func (s *Store) Put(_ context.Context, k storage.Kind, id, file string, data []byte) error {
	return s.write(k, id, file, data, false)
}

func (s *Store) write(k storage.Kind, id, file string, data []byte, mustBeNew bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := storage.Check(id, file, data)
	if _, taken := s.objects[k][id]; err == nil && taken && mustBeNew {
		err = storage.ErrExists
	}
	if err != nil {
		return fmt.Errorf("write %s %s: %w", k, id, err)
	}
	if s.objects[k] == nil {
		s.objects[k] = map[string]object{}
	}
	s.version++
	s.objects[k][id] = object{storage.Object{ID: id, File: file, Version: strconv.Itoa(s.version), Updated: s.now()}, slices.Clone(data)}
	return nil
}

// Get implements storage.Store.
func (s *Store) Get(_ context.Context, k storage.Kind, id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[k][id]
	if !ok {
		return nil, fmt.Errorf("read %s %s: %w", k, id, storage.ErrNotFound)
	}
	return slices.Clone(o.data), nil
}

// Delete implements storage.Store.
func (s *Store) Delete(_ context.Context, k storage.Kind, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[k][id]; !ok {
		return fmt.Errorf("delete %s %s: %w", k, id, storage.ErrNotFound)
	}
	delete(s.objects[k], id)
	return nil
}

// List implements storage.Store.
func (s *Store) List(_ context.Context, k storage.Kind) ([]storage.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []storage.Object
	for _, id := range slices.Sorted(maps.Keys(s.objects[k])) {
		all = append(all, s.objects[k][id].head)
	}
	return all, nil
}
