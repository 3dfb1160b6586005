package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// A pool is the servers of one revision, guarded by Upstreams.mu.
type pool struct {
	target   *target
	name     plan.PoolName
	revision plan.Revision
	template json.RawMessage
	wanted   int
	servers  []*server // those that leave included
}

// A server is one URL that is asked how it is.
type server struct {
	endpoint plan.Endpoint
	ready    bool
	leaving  bool   // out of Endpoints, but requests may be under way
	trouble  string // why it is not ready
	asked    chan struct{}
	stop     context.CancelFunc
}

// runs reports whether an order asks for what the pool already uses. A pool without servers uses anything.
func (p *pool) runs(o workload.PoolOrder) bool {
	return len(p.servers) == 0 || p.revision == o.Revision && bytes.Equal(p.template, o.Template)
}

// use makes the pool as ordered; w.mu is held.
func (w *Upstreams) use(targetName string, t *target, o workload.PoolOrder, template *Template, keep map[string]bool) {
	p := t.pools[o.Pool]
	if p == nil {
		p = &pool{target: t, name: o.Pool}
		t.pools[o.Pool] = p
	}
	p.revision, p.template = o.Revision, o.Template
	if o.Replicas == 0 {
		p.release(keep)
		return
	}
	if p.wanted != o.Replicas {
		p.wanted = o.Replicas
		t.signal()
	}
	here := map[string]*server{}
	for _, s := range p.servers {
		here[s.endpoint.Instance] = s
	}
	p.servers = nil
	for i, base := range template.URLs {
		e := plan.Endpoint{Instance: workload.InstanceName(targetName, o.Revision, strconv.Itoa(i)), URL: base}
		s := here[e.Instance]
		if s == nil {
			s = w.watch(p, e, template.Health)
		}
		if s.leaving {
			s.leaving = false
			t.signal()
		}
		p.servers = append(p.servers, s)
	}
}

// release takes all servers out of use; those that are kept stay until they are not. w.mu is held.
func (p *pool) release(keep map[string]bool) {
	var left []*server
	for _, s := range p.servers {
		if !s.leaving || !keep[s.endpoint.Instance] {
			p.target.signal()
		}
		s.leaving = true
		if keep[s.endpoint.Instance] {
			left = append(left, s)
		} else {
			s.stop()
		}
	}
	p.servers, p.wanted = left, 0
}

// watch begins to ask a server; w.mu is held.
func (w *Upstreams) watch(p *pool, e plan.Endpoint, h workload.Health) *server {
	s := &server{endpoint: e, asked: make(chan struct{})}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(w.over)
	pulses := make(chan workload.Pulse)
	w.asking.Go(func() {
		defer close(pulses)
		workload.NewProbe(h, e.URL).Run(ctx, pulses)
	})
	w.asking.Go(func() {
		for pulse := range pulses {
			w.feel(p, s, pulse)
		}
	})
	return s
}

// feel takes an answer into account.
func (w *Upstreams) feel(p *pool, s *server, pulse workload.Pulse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-s.asked:
	default:
		close(s.asked)
	}
	if pulse.Ready != s.ready {
		w.log.Info("readiness changed", "instance", s.endpoint.Instance, "ready", pulse.Ready, "error", pulse.Err)
		p.target.signal()
	}
	s.ready = pulse.Ready
	switch {
	case s.ready:
		s.trouble = ""
	case pulse.Err != nil:
		s.trouble = fmt.Sprintf("%s is not ready: %v", s.endpoint.URL, pulse.Err)
	}
}

// see describes the pool as it is.
func (p *pool) see() plan.Pool {
	seen := plan.Pool{Name: p.name, Revision: p.revision, Wanted: p.wanted, Running: len(p.servers), Endpoints: []plan.Endpoint{}}
	used, ill := 0, 0
	for _, s := range p.servers {
		if s.leaving {
			continue
		}
		used++
		switch {
		case s.ready:
			seen.Endpoints = append(seen.Endpoints, s.endpoint)
		case s.trouble != "":
			ill++
			if seen.Trouble == "" {
				seen.Trouble = s.trouble
			}
		}
	}
	if healthy := len(seen.Endpoints); healthy > 0 {
		seen.Ready = max(1, p.wanted*healthy/used)
	}
	if ill > 1 {
		seen.Trouble = fmt.Sprintf("%d of %d servers are not ready; %s", ill, used, seen.Trouble)
	}
	seen.Updated = seen.Ready
	return seen
}
