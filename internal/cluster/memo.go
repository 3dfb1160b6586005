package cluster

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// A Memo remembers what was made of objects, so that one is taken apart when it has changed and not in every round. It holds
// what is asked for these days, and never much of it: it is there for speed alone.
type Memo[T any] struct {
	mu    sync.Mutex
	known map[types.UID]*noted[T]
	sweep *time.Timer // runs while anything is known
}

type noted[T any] struct {
	version string
	made    T
	asked   time.Time
}

const (
	unasked = time.Minute // until what nobody asks for is forgotten
	most    = 4096        // objects; a memo that is full begins anew
)

// NewMemo returns an empty memory.
func NewMemo[T any]() *Memo[T] { return &Memo[T]{known: map[types.UID]*noted[T]{}} }

// Of returns what is made of a version of an object. All who ask share it: change nothing in it. An error is not remembered.
func (m *Memo[T]) Of(id types.UID, version string, read func() (T, error)) (T, error) {
	m.mu.Lock()
	if n, ok := m.known[id]; ok && n.version == version {
		n.asked = time.Now()
		m.mu.Unlock()
		return n.made, nil
	}
	m.mu.Unlock()
	made, err := read()
	if err == nil && id != "" && version != "" {
		m.keep(id, &noted[T]{version, made, time.Now()})
	}
	return made, err
}

func (m *Memo[T]) keep(id types.UID, n *noted[T]) {
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

// Forget drops what was made of an object.
func (m *Memo[T]) Forget(id types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, id)
}

func (m *Memo[T]) forgetUnasked() {
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

// size is how much is known.
func (m *Memo[T]) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.known)
}
