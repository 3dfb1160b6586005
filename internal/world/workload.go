package world

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// An instance is one simulated replica.
type instance struct {
	name     string
	pool     plan.PoolName
	revision plan.Revision
	ready    time.Time // when it becomes ready; zero: never
	leaving  bool      // takes no new requests, ends when nothing is under way
	crashes  int
	counted  counted
	last     time.Time // when the last request that is under way ends
}

type poolOrder = workload.PoolOrder

// Workload returns the world's workload.
func (w *World) Workload() workload.Workload { return workloads{w} }

type workloads struct{ w *World }

func (workloads) Features() plan.Features {
	return plan.Features{plan.Scaling, plan.Renaming, plan.Yielding}
}

func (workloads) Changed(string) <-chan struct{} { return nil }

func (v workloads) Observe(_ context.Context, name string) ([]plan.Pool, error) {
	if err := v.w.fails("observe workload"); err != nil {
		return nil, err
	}
	t, ok := v.w.targets[name]
	if !ok {
		return nil, nil
	}
	return v.w.pools(t), nil
}

func (w *World) pools(t *target) []plan.Pool {
	pools := map[plan.PoolName]*plan.Pool{}
	of := func(name plan.PoolName, rev plan.Revision) *plan.Pool {
		if pools[name] == nil {
			pools[name] = &plan.Pool{Name: name, Revision: rev}
		}
		return pools[name]
	}
	for name, o := range t.order {
		p := of(name, o.Revision)
		p.Wanted = o.Replicas
	}
	for _, i := range t.instances {
		p := of(i.pool, i.revision)
		p.Running++
		switch {
		case i.leaving:
		case !w.up(i):
			p.Trouble = fmt.Sprintf("%s is not ready, crashed %d times", i.name, i.crashes)
		default:
			p.Ready++
			if i.revision == p.Revision {
				p.Updated++
			}
			p.Endpoints = append(p.Endpoints, plan.Endpoint{Instance: i.name, URL: "http://" + i.name})
		}
	}
	var list []plan.Pool
	for _, p := range pools {
		if p.Running > 0 || p.Wanted > 0 {
			list = append(list, *p)
		}
	}
	slices.SortFunc(list, func(a, b plan.Pool) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return list
}

// up reports whether the instance can answer.
func (w *World) up(i *instance) bool { return !i.ready.IsZero() && !w.now.Before(i.ready) }

func (v workloads) Apply(_ context.Context, name string, o workload.Order) error {
	if err := v.w.fails("set capacity"); err != nil {
		return err
	}
	for _, p := range o.Pools {
		if p.Template == nil && p.Replicas > 0 {
			return fmt.Errorf("set capacity of pool %s: no template of revision %s", p.Pool, p.Revision)
		}
	}
	v.w.scale(v.w.target(name), o)
	if v.w.happens(v.w.Weather.ApplyHidden) {
		return fmt.Errorf("set capacity: simulated fault after it worked")
	}
	return nil
}

func (w *World) scale(t *target, o workload.Order) {
	t.order = map[plan.PoolName]poolOrder{}
	for _, p := range o.Pools {
		t.order[p.Pool] = p
	}
	have := map[plan.PoolName]int{}
	for _, i := range t.instances {
		if !i.leaving {
			have[i.pool]++
		}
	}
	for _, p := range o.Pools {
		for ; have[p.Pool] < p.Replicas; have[p.Pool]++ {
			w.start(t, p)
		}
	}
	for _, i := range slices.Backward(w.leastReadyLast(t)) {
		if !i.leaving && have[i.pool] > t.order[i.pool].Replicas {
			i.leaving = true
			have[i.pool]--
		}
	}
	t.instances = slices.DeleteFunc(t.instances, func(i *instance) bool {
		if !i.leaving || o.Keep[i.name] {
			return false
		}
		w.stop(t, i)
		return true
	})
}

// leastReadyLast orders instances so that those to go first come last: the unready, then the youngest.
func (w *World) leastReadyLast(t *target) []*instance {
	list := slices.Clone(t.instances)
	slices.SortStableFunc(list, func(a, b *instance) int {
		switch x, y := w.up(a), w.up(b); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	return list
}

func (w *World) start(t *target, o poolOrder) {
	t.born++
	i := &instance{name: fmt.Sprintf("%s-%d", o.Revision, t.born), pool: o.Pool, revision: o.Revision}
	w.boot(i)
	t.instances = append(t.instances, i)
}

func (w *World) boot(i *instance) {
	truth := w.truth(i.revision)
	i.ready = time.Time{}
	if !truth.NeverReady {
		i.ready = w.now.Add(truth.StartsIn/2 + time.Duration(w.dice.Float64()*float64(truth.StartsIn)))
	}
}

// stop ends an instance on order. Nobody may still be sent there or wait for an answer.
func (w *World) stop(t *target, i *instance) {
	if w.now.Before(i.last) {
		w.breaks("stopped %s with requests under way", i.name)
	}
	if w.up(i) && t.route.sendsTo(i.name) {
		w.breaks("stopped %s while the route sends requests there", i.name)
	}
}

// live lets instances crash, restart and lose their counters.
func (w *World) live(t *target, step time.Duration) {
	for n, i := range t.instances {
		truth := w.truth(i.revision)
		p := w.Weather.PodLoss * step.Seconds()
		if truth.CrashEvery > 0 {
			p += step.Seconds() / truth.CrashEvery.Seconds()
		}
		if w.up(i) && w.happens(p) {
			t.born++
			reborn := &instance{name: fmt.Sprintf("%s-%d", i.revision, t.born), pool: i.pool, revision: i.revision, leaving: i.leaving, crashes: i.crashes + 1}
			w.boot(reborn)
			t.instances[n] = reborn
			continue
		}
		if w.happens(w.Weather.CounterReset * step.Seconds()) {
			i.counted = counted{}
		}
	}
}
