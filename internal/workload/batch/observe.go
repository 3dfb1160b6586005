package batch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// Observe reads what runs of the target. A set that is not there runs nothing.
func (s *Sets) Observe(ctx context.Context, name string) ([]plan.Pool, error) {
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
	return Pools(t.set, t.template.revision, t.current.revision, t.members), nil
}

// Pools counts pods by revision.
func Pools(set Set, template, current plan.Revision, members []Member) []plan.Pool {
	by := map[plan.Revision]*plan.Pool{}
	pods := map[plan.Revision][]*corev1.Pod{}
	staying := map[plan.Revision]int{}
	at := func(r plan.Revision) *plan.Pool {
		if by[r] == nil {
			by[r] = &plan.Pool{Name: plan.PoolName(r), Revision: r, Endpoints: []plan.Endpoint{}}
		}
		return by[r]
	}
	for _, m := range members {
		p := at(m.Revision)
		p.Running++
		pods[m.Revision] = append(pods[m.Revision], m.Pod)
		if !m.Going {
			staying[m.Revision]++
		}
		if m.Serves() && !m.Leaving {
			p.Ready++
			p.Updated++
			e := pod.Endpoint(m.Pod)
			e.Instance = m.Instance
			p.Endpoints = append(p.Endpoints, e)
		}
	}
	for r, n := range set.Share(template, current, staying) {
		at(r).Wanted = n
	}
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
