package controller

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// watchful remembers which Canaries are awake (a release is under way, or something has to be done), and which were touched:
// an object they are made of has changed since they were last looked at. It is memory for speed alone; a new process wakes
// every Canary once.
type watchful struct {
	mu      sync.Mutex
	awake   map[types.NamespacedName]bool
	touches map[types.NamespacedName]bool
}

func newWatchful() *watchful {
	return &watchful{awake: map[types.NamespacedName]bool{}, touches: map[types.NamespacedName]bool{}}
}

// touch notes that something about a Canary has changed.
func (w *watchful) touch(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.touches[key] = true
}

func (w *watchful) touched(key types.NamespacedName) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.touches[key]
}

// wakes makes a Canary one that is looked at, and takes its touch away.
func (w *watchful) wakes(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.touches, key)
	w.awake[key] = true
}

func (w *watchful) sleeps(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.awake, key)
}

func (w *watchful) forget(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.awake, key)
	delete(w.touches, key)
}

// up reports whether a Canary is awake.
func (w *watchful) up(key types.NamespacedName) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.awake[key]
}

// count is how many Canaries are awake.
func (w *watchful) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.awake)
}
