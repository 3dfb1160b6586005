package statefulset

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// Observe reads what runs of the target. A StatefulSet that is not there runs nothing.
func (s *StatefulSets) Observe(ctx context.Context, name string) ([]plan.Pool, error) {
	t, err := s.read(ctx, name)
	if missing(err) {
		return nil, nil
	}
	if err == nil {
		err = s.readPods(ctx, name, t)
	}
	if err != nil {
		return nil, fmt.Errorf("observe %s: %w", name, err)
	}
	return t.pools(), nil
}

// pools counts pods by revision. Together the pools are asked to have as many as the StatefulSet: what no other revision is
// asked for, or has too many of, is left for the current one.
func (t *target) pools() []plan.Pool {
	by := map[plan.Revision]*plan.Pool{}
	pods := map[plan.Revision][]*corev1.Pod{}
	at := func(r plan.Revision) *plan.Pool {
		if by[r] == nil {
			by[r] = &plan.Pool{Name: plan.PoolName(r), Revision: r, Endpoints: []plan.Endpoint{}}
		}
		return by[r]
	}
	for _, m := range t.members {
		p := at(m.revision)
		if !pod.Exists(m.pod) {
			continue
		}
		p.Running++
		pods[m.revision] = append(pods[m.revision], m.pod)
		if !m.going {
			p.Wanted++
		}
		if m.serves() && !m.leaving {
			p.Ready++
			p.Updated++
			e := pod.Endpoint(m.pod)
			e.Instance = m.instance()
			p.Endpoints = append(p.Endpoints, e)
		}
	}
	t.share(at)
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

// share says what each pool is asked to have. Until now Wanted counts the pods that have not been told to go.
func (t *target) share(at func(plan.Revision) *plan.Pool) {
	left := t.replicas()
	if t.update != t.current {
		u := at(t.update)
		u.Wanted = min(left, max(u.Wanted, t.replicas()-t.partition()))
		left -= u.Wanted
	}
	seen := map[plan.Revision]bool{t.update: true, t.current: true}
	for _, m := range t.members {
		if !seen[m.revision] {
			seen[m.revision] = true
			p := at(m.revision)
			p.Wanted = min(left, p.Wanted)
			left -= p.Wanted
		}
	}
	at(t.current).Wanted = left
}
