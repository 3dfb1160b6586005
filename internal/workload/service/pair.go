package service

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/announced"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

func (p *pair) copy() *pair {
	c := *p
	c.ordered, c.wanted, c.keep = maps.Clone(p.ordered), maps.Clone(p.wanted), maps.Clone(p.keep)
	return &c
}

// Apply notes which revisions get traffic; nothing is sent to the cluster.
func (p *Pairs) Apply(_ context.Context, target string, o workload.Order) error {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return fmt.Errorf("apply to %s: %w", target, err)
	}
	next := &pair{ordered: map[string]plan.Revision{}, wanted: map[string]int{}, keep: maps.Clone(o.Keep)}
	seen := map[plan.Revision]bool{}
	for _, order := range o.Pools {
		switch {
		case seen[order.Revision]:
			return fmt.Errorf("apply to %s: pool %s is ordered twice", target, order.Pool)
		case order.Replicas < 0:
			return fmt.Errorf("apply to %s: pool %s cannot have %d replicas", target, order.Pool, order.Replicas)
		}
		seen[order.Revision] = true
		if order.Replicas == 0 && len(order.Template) == 0 { // of a revision that somebody else began; it can only go
			continue
		}
		t, err := decode(order.Template)
		if err != nil {
			return fmt.Errorf("apply to %s: template of pool %s: %w", target, order.Pool, err)
		}
		next.pairWith(key.Name, t)
		if next.wanted[t.Service] == 0 { // of two revisions behind one Service the one that is wanted counts
			next.ordered[t.Service], next.wanted[t.Service] = order.Revision, order.Replicas
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.pairs[target]; known != nil {
		next.names, next.full = known.names, known.full
	}
	p.pairs[target] = next
	return nil
}

// pairWith learns the pair from a template of one of its revisions.
func (p *pair) pairWith(first string, t Template) {
	p.names = [2]string{first, t.Other}
	if t.Other == first {
		p.names[1] = t.Service
	}
}

// Observe reads what stands behind the Services that are asked for.
func (p *Pairs) Observe(ctx context.Context, target string) ([]plan.Pool, error) {
	key, err := cluster.ParseKey(target)
	if err != nil {
		return nil, fmt.Errorf("observe %s: %w", target, err)
	}
	known := p.known(target)
	if known == nil || known.names[1] == "" {
		return nil, fmt.Errorf("observe %s: nobody has said yet which Service is the other one", target)
	}
	var pools []plan.Pool
	for _, name := range known.names {
		s, err := p.side(ctx, key.Namespace, name)
		if err != nil {
			return nil, fmt.Errorf("observe %s: %w", target, err)
		}
		if known.wanted[name] > 0 {
			if s.fresh, err = p.announced.Fresh(ctx, types.NamespacedName{Namespace: key.Namespace, Name: name}, s.pods); err != nil {
				return nil, fmt.Errorf("observe %s: %w", target, err)
			}
		}
		if pool := known.pool(name, s); pool.Wanted > 0 || pool.Running > 0 {
			pools = append(pools, pool)
		}
	}
	slices.SortFunc(pools, func(a, b plan.Pool) int { return strings.Compare(string(a.Name), string(b.Name)) })
	if len(pools) == 2 && pools[0].Name == pools[1].Name { // the same stands behind both
		return slices.DeleteFunc(pools, func(o plan.Pool) bool { return o.Service != known.names[0] }), nil
	}
	return pools, nil
}

// pool counts what stands behind a Service. One that is not asked for has only what is kept.
func (p *pair) pool(name string, s side) plan.Pool {
	revision, ordered := p.ordered[name]
	if !ordered {
		revision = s.revision
	}
	pool := plan.Pool{Name: plan.PoolName(revision), Revision: revision, Service: name, Endpoints: []plan.Endpoint{}}
	if revision == "" {
		return pool
	}
	if pool.Wanted = p.full; p.wanted != nil {
		pool.Wanted = p.wanted[name]
	}
	if pool.Wanted == 0 {
		for _, o := range s.pods {
			if p.keep[o.Name] {
				pool.Running++
			}
		}
		return pool
	}
	pool.Running = len(s.pods)
	for _, o := range s.pods {
		if pod.Serves(o) && !s.fresh[o.UID] {
			pool.Endpoints = append(pool.Endpoints, pod.Endpoint(o))
		}
	}
	ready := len(pool.Endpoints)
	pool.Ready = part(pool.Wanted, ready, s.size)
	if revision == s.revision {
		pool.Updated = min(pool.Ready, part(pool.Wanted, max(0, ready-s.old), s.size))
	}
	if pool.Ready < pool.Wanted {
		pool.Trouble = cmp.Or(p.trouble(name, s.pods), announced.Trouble(name, len(s.fresh)))
	}
	return pool
}

func (p *pair) trouble(name string, pods []*corev1.Pod) string {
	if len(pods) == 0 {
		return "no pods stand behind Service " + name
	}
	return pod.Trouble(pods)
}

// part is the part of the wanted replicas that so many of all pods make up.
func part(wanted, ready, all int) int {
	if ready == 0 {
		return 0
	}
	return min(wanted, max(1, wanted*ready/max(1, all)))
}
