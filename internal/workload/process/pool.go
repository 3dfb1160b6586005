package process

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// A pool is the replicas of one revision. All of it is guarded by Processes.mu.
type pool struct {
	target   *target
	name     plan.PoolName
	revision plan.Revision
	digest   string    // of the template
	template *Template // nil until ordered, when all replicas are adopted
	ordered  bool      // named by the last order
	wanted   int
	replicas []*replica // those that leave included
}

// pool finds or makes a pool; Processes.mu is held.
func (t *target) pool(name plan.PoolName, revision plan.Revision) *pool {
	p := t.pools[name]
	if p == nil {
		p = &pool{target: t, name: name}
		t.pools[name] = p
	}
	p.revision = revision
	return p
}

// runs reports whether an order asks for what the pool already runs. A pool without replicas runs anything.
func (p *pool) runs(o workload.PoolOrder) bool {
	return len(p.replicas) == 0 || p.revision == o.Revision && p.digest == digest(o.Template)
}

// fill brings the pool to the wanted number: replicas on their way out come back first, for they may be ready already, then
// new ones are started. Those that have to go leave at once and are stopped unless they are kept.
func (p *pool) fill(w *Processes, wanted int, keep map[string]bool) {
	if p.wanted != wanted {
		p.wanted = wanted
		p.target.signal()
	}
	staying := p.ranked(func(r *replica) bool { return !r.leaving })
	for _, r := range staying[min(wanted, len(staying)):] {
		r.setLeaving(true)
	}
	if missing := wanted - len(staying); missing > 0 {
		back := p.ranked(func(r *replica) bool { return r.leaving && !r.stopping })
		for _, r := range back[:min(missing, len(back))] {
			r.setLeaving(false)
			missing--
		}
		for range missing {
			w.admit(p, newReplica(w, p, record{
				Target: p.target.name, Pool: p.name, Revision: p.revision, Digest: p.digest, Ordinal: p.freeOrdinal(),
			}), nil)
		}
	}
	for _, r := range p.replicas {
		if r.leaving && !keep[r.record.Instance] {
			r.stopping = true
		}
		r.stir()
	}
	p.tidy()
}

// ranked lists the replicas that fit, those worth most first: the ready ones, then the oldest.
func (p *pool) ranked(fits func(*replica) bool) []*replica {
	list := slices.DeleteFunc(slices.Clone(p.replicas), func(r *replica) bool { return !fits(r) })
	slices.SortStableFunc(list, func(a, b *replica) int {
		switch {
		case a.ready && !b.ready:
			return -1
		case b.ready && !a.ready:
			return 1
		}
		return cmp.Compare(a.age(), b.age())
	})
	return list
}

func (p *pool) freeOrdinal() int {
	for n := 0; ; n++ {
		if !slices.ContainsFunc(p.replicas, func(r *replica) bool { return r.record.Ordinal == n }) {
			return n
		}
	}
}

// drop forgets a replica that has come to its end.
func (p *pool) drop(gone *replica) {
	p.replicas = slices.DeleteFunc(p.replicas, func(r *replica) bool { return r == gone })
	p.tidy()
	p.target.signal()
}

// tidy forgets a pool that nobody asks for and of which nothing is left.
func (p *pool) tidy() {
	if !p.ordered && len(p.replicas) == 0 && p.target.pools[p.name] == p {
		delete(p.target.pools, p.name)
	}
}

// see describes the pool as it is.
func (p *pool) see() plan.Pool {
	seen := plan.Pool{Name: p.name, Revision: p.revision, Wanted: p.wanted, Endpoints: []plan.Endpoint{}}
	var troubled []*replica
	for _, r := range p.replicas {
		if r.running {
			seen.Running++
		}
		switch {
		case r.leaving:
		case r.ready:
			seen.Ready++
			seen.Endpoints = append(seen.Endpoints, plan.Endpoint{Instance: r.record.Instance, URL: r.record.url()})
		case r.trouble != "":
			troubled = append(troubled, r)
		}
	}
	seen.Updated = seen.Ready
	slices.SortFunc(seen.Endpoints, func(a, b plan.Endpoint) int { return cmp.Compare(a.Instance, b.Instance) })
	if len(troubled) > 0 {
		worst := slices.MaxFunc(troubled, func(a, b *replica) int { return cmp.Compare(a.failures, b.failures) })
		seen.Trouble = worst.trouble
		if len(troubled) > 1 {
			seen.Trouble = fmt.Sprintf("%d of %d replicas are not ready; %s", len(troubled), p.wanted, worst.trouble)
		}
	}
	return seen
}

func digest(template []byte) string {
	sum := sha256.Sum256(template)
	return hex.EncodeToString(sum[:])
}
