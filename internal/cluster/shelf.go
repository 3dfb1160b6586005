package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// A shelf holds the pods that one watch delivers. Informers would do that too; what they have besides, a queue of changes and
// listeners with buffers of their own, nobody here needs, and releases watch a few pods each.
type shelf struct {
	changed func() // after each change, but for the first list: whoever asked gets that as an answer
	filled  chan struct{}

	mu     sync.Mutex
	pods   map[string]*corev1.Pod
	sorted []*corev1.Pod // by name, shared by all who ask; nil: not sorted yet
}

var _ cache.TransformingStore = (*shelf)(nil)

func newShelf(changed func()) *shelf {
	return &shelf{changed: changed, filled: make(chan struct{})}
}

// list returns the pods by name. They are shared: change nothing in them, nor in the list.
func (s *shelf) list() []*corev1.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sorted == nil {
		s.sorted = slices.SortedFunc(maps.Values(s.pods), func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	}
	return s.sorted
}

// Replace takes a whole list.
func (s *shelf) Replace(list []any, _ string) error {
	pods := make(map[string]*corev1.Pod, len(list))
	for _, o := range list {
		pod, err := trimmed(o)
		if err != nil {
			return err
		}
		pods[pod.Name] = pod
	}
	s.mu.Lock()
	first := s.pods == nil
	s.pods, s.sorted = pods, nil
	s.mu.Unlock()
	if first {
		close(s.filled)
	} else {
		s.changed()
	}
	return nil
}

// Add takes a pod that is new.
func (s *shelf) Add(o any) error { return s.Update(o) }

// Update takes a pod as it is now.
func (s *shelf) Update(o any) error {
	pod, err := trimmed(o)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.pods[pod.Name], s.sorted = pod, nil
	s.mu.Unlock()
	s.changed()
	return nil
}

// Delete drops a pod.
func (s *shelf) Delete(o any) error {
	pod, err := trimmed(o)
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.pods, pod.Name)
	s.sorted = nil
	s.mu.Unlock()
	s.changed()
	return nil
}

// Resync has nothing to tell again.
func (s *shelf) Resync() error { return nil }

// Transformer trims pods before they are kept anywhere.
func (s *shelf) Transformer() cache.TransformFunc {
	return func(o any) (any, error) { return trimmed(o) }
}

// trimmed is the pod without what nobody reads.
func trimmed(o any) (*corev1.Pod, error) {
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return nil, fmt.Errorf("watch pods: got a %T", o)
	}
	pod.ManagedFields = nil
	pod.Spec.Volumes, pod.Spec.Tolerations, pod.Spec.Affinity, pod.Spec.InitContainers = nil, nil, nil, nil
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		*c = corev1.Container{Name: c.Name, Image: c.Image, Ports: c.Ports}
	}
	return pod, nil
}
