package endpoints

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// A crew is the pods of a target that serve, by name. What slices say of a pod does not change while it serves, so each is read once.
type crew map[string]*corev1.Pod

// crew reads the pods of an order: those that the workload says are ready. One that has gone since is left out.
func (r *Router) crew(ctx context.Context, o order) (map[plan.TrackName][]*corev1.Pod, error) {
	r.mu.Lock()
	known := r.pods[o.target]
	r.mu.Unlock()
	serving, here := map[plan.TrackName][]*corev1.Pod{}, crew{}
	for track, instances := range o.Endpoints {
		for _, i := range instances {
			p := known[i.Instance]
			if p == nil {
				var err error
				if p, err = r.pod(ctx, types.NamespacedName{Namespace: o.at.Namespace, Name: i.Instance}); err != nil {
					return nil, err
				}
			}
			if p == nil || !pod.Serves(p) {
				continue
			}
			here[i.Instance] = p
			serving[track] = append(serving[track], p)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pods[o.target] = here
	return serving, nil
}

// pod reads one pod; nil where there is none.
func (r *Router) pod(ctx context.Context, name types.NamespacedName) (*corev1.Pod, error) {
	p := &corev1.Pod{}
	if err := r.Live.Get(ctx, name, p); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return nil, nil
		}
		return nil, fmt.Errorf("read pod %s: %w", name, err)
	}
	return p, nil
}
