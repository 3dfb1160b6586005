// Package departures remembers which pods have to go, for workloads that send pods away one by one: those that are still kept
// because requests may reach them, and those that were told to go, as long as the memory of pods does not show it. A
// serin that begins anew has forgotten both and finds them again.
package departures

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// Departures is safe for use by several goroutines.
type Departures struct {
	a *cluster.Access

	mu   sync.Mutex
	kept map[string]map[types.UID]bool // by target
	told map[string]map[types.UID]bool
}

// New remembers nothing yet.
func New(a *cluster.Access) *Departures {
	return &Departures{a: a, kept: map[string]map[types.UID]bool{}, told: map[string]map[types.UID]bool{}}
}

// Of reports whether a pod of the target has to go and is kept, and whether it was told to go.
func (d *Departures) Of(target string, p *corev1.Pod) (kept, told bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kept[target][p.UID], p.DeletionTimestamp != nil || d.told[target][p.UID]
}

// Refresh takes over which pods of the target have to go and are kept, and forgets those that are not here any more.
func (d *Departures) Refresh(target string, here, kept []*corev1.Pod) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.kept, target)
	for _, p := range kept {
		add(d.kept, target, p.UID)
	}
	told := d.told[target]
	delete(d.told, target)
	for _, p := range here {
		if p.DeletionTimestamp == nil && told[p.UID] {
			add(d.told, target, p.UID)
		}
	}
}

// Send tells pods to go, gracefully.
func (d *Departures) Send(ctx context.Context, target string, pods []*corev1.Pod) error {
	for _, p := range pods {
		uid := p.UID
		gone := &corev1.Pod{}
		gone.Namespace, gone.Name = p.Namespace, p.Name
		err := d.a.Client.Delete(ctx, gone, client.Preconditions{UID: &uid})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete pod %s/%s: %w", p.Namespace, p.Name, err)
		}
		d.mu.Lock()
		add(d.told, target, uid)
		d.mu.Unlock()
	}
	return nil
}

func add(set map[string]map[types.UID]bool, target string, uid types.UID) {
	if set[target] == nil {
		set[target] = map[types.UID]bool{}
	}
	set[target][uid] = true
}
