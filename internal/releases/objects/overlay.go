package objects

import (
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// An overlay is what this process last wrote, so that a read after a write does not go back in time while the cache lags
// behind. What is older than the cache does no harm: the newer version is served.
type overlay[T client.Object] struct {
	mu    sync.Mutex
	last  map[types.NamespacedName]written[T]
	sweep *time.Timer // runs while anything is remembered
}

// A written object, or a grave.
type written[T client.Object] struct {
	object T
	gone   types.UID // of the object that was deleted; empty: it was not
	at     time.Time
}

// newer reports whether a write is known to have come after another.
func (w written[T]) newer(than written[T]) bool {
	return w.gone == "" && than.gone == "" && w.object.GetUID() == than.object.GetUID() && version(w.object) > version(than.object)
}

// lag is how long a write is remembered at least: far longer than a cache is ever behind, and short enough to forget.
const lag = 5 * time.Minute

func newOverlay[T client.Object]() *overlay[T] {
	return &overlay[T]{last: map[types.NamespacedName]written[T]{}}
}

// put remembers what was written, as a cache would have it.
func (o *overlay[T]) put(object T) {
	_, _ = cluster.Lean(object) // has no errors
	o.remember(client.ObjectKeyFromObject(object), written[T]{object: object, at: time.Now()})
}

// bury remembers that an object was deleted.
func (o *overlay[T]) bury(object T) {
	o.remember(client.ObjectKeyFromObject(object), written[T]{gone: object.GetUID(), at: time.Now()})
}

func (o *overlay[T]) remember(name types.NamespacedName, w written[T]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if last, ok := o.last[name]; ok && last.newer(w) {
		return // two wrote at the same time, and the answers came in the other order
	}
	o.last[name] = w
	if o.sweep == nil {
		o.sweep = time.AfterFunc(lag, o.forgetOld)
	}
}

func (o *overlay[T]) forgetOld() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, w := range o.last {
		if time.Since(w.at) >= lag {
			delete(o.last, name)
		}
	}
	if o.sweep = nil; len(o.last) > 0 {
		o.sweep = time.AfterFunc(lag, o.forgetOld)
	}
}

// forget drops what is remembered of an object, for instance because somebody else deleted it.
func (o *overlay[T]) forget(name types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.last, name)
}

// newest chooses between what the cache has (ok: it has something) and what was written. sure is false where only the API
// server knows: the cache has nothing, and something was written.
func (o *overlay[T]) newest(name types.NamespacedName, cached T, ok bool) (object T, found, sure bool) {
	o.mu.Lock()
	w, known := o.last[name]
	o.mu.Unlock()
	switch {
	case !known:
		return cached, ok, true
	case w.gone != "":
		return cached, ok && cached.GetUID() != w.gone, true
	case !ok:
		return w.object, true, false
	case version(cached) >= version(w.object):
		return cached, true, true
	}
	return w.object, true, true
}

// version is the resource version of an object, which counts up (KEP-5504). One that is no number is the newest.
func version(o client.Object) uint64 {
	n, err := strconv.ParseUint(o.GetResourceVersion(), 10, 64)
	if err != nil {
		return ^uint64(0)
	}
	return n
}
