package objects

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// A memo remembers what was read in the records of objects, so that a record is taken apart when it has changed and not in
// every round. It holds what is asked for these days, and never much of it: it is there for speed alone.
type memo[T any] struct {
	mu    sync.Mutex
	known map[types.UID]*noted[T]
	sweep *time.Timer // runs while anything is known
}

type noted[T any] struct {
	version string // of the object
	read    T
	asked   time.Time
}

const (
	unasked = time.Minute // until what nobody asks for is forgotten
	most    = 4096        // objects; a memo that is full begins anew
)

func newMemo[T any]() *memo[T] { return &memo[T]{known: map[types.UID]*noted[T]{}} }

// of returns what read makes of a version of an object, which is shared by all who ask.
func (m *memo[T]) of(id types.UID, version string, read func() (T, error)) (T, error) {
	m.mu.Lock()
	if n, ok := m.known[id]; ok && n.version == version {
		n.asked = time.Now()
		m.mu.Unlock()
		return n.read, nil
	}
	m.mu.Unlock()
	made, err := read()
	if err == nil && id != "" && version != "" {
		m.keep(id, &noted[T]{version, made, time.Now()})
	}
	return made, err
}

func (m *memo[T]) keep(id types.UID, n *noted[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= most {
		clear(m.known)
	}
	m.known[id] = n
	if m.sweep == nil {
		m.sweep = time.AfterFunc(unasked, m.forgetUnasked)
	}
}

// forget drops what was read in an object.
func (m *memo[T]) forget(id types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, id)
}

func (m *memo[T]) forgetUnasked() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, n := range m.known {
		if time.Since(n.asked) >= unasked {
			delete(m.known, id)
		}
	}
	if m.sweep = nil; len(m.known) > 0 {
		m.sweep = time.AfterFunc(unasked, m.forgetUnasked)
	}
}
