package daemonset

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// Observe reads what runs of the target. A DaemonSet that is not there runs nothing.
func (d *DaemonSets) Observe(ctx context.Context, name string) ([]plan.Pool, error) {
	t, err := d.read(ctx, name)
	if missing(err) {
		return nil, nil
	}
	if err == nil {
		err = d.readPods(ctx, name, t)
	}
	if err != nil {
		return nil, fmt.Errorf("observe %s: %w", name, err)
	}
	return t.pools(), nil
}

// pools counts pods by revision. A pool is asked to have the pods that were not told to go; what then is missing comes as what
// the template says.
func (t *target) pools() []plan.Pool {
	by := map[plan.Revision]*plan.Pool{}
	pods := map[plan.Revision][]*corev1.Pod{}
	at := func(r plan.Revision) *plan.Pool {
		if by[r] == nil {
			by[r] = &plan.Pool{Name: plan.PoolName(r), Revision: r, Endpoints: []plan.Endpoint{}}
		}
		return by[r]
	}
	left := t.full()
	for _, m := range t.members {
		p := at(m.revision)
		p.Running++
		pods[m.revision] = append(pods[m.revision], m.pod)
		if !m.going {
			p.Wanted++
			left--
		}
		if m.serves() && !m.leaving {
			p.Ready++
			p.Updated++
			p.Endpoints = append(p.Endpoints, pod.Endpoint(m.pod))
		}
	}
	at(t.template).Wanted += max(0, left)
	var pools []plan.Pool
	for r, p := range by {
		if p.Ready < p.Wanted {
			p.Trouble = pod.Trouble(pods[r])
		}
		if p.Wanted > 0 || p.Running > 0 {
			pools = append(pools, *p)
		}
	}
	slices.SortFunc(pools, func(a, b plan.Pool) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return pools
}
