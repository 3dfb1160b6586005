package conformance

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

func features(t *testing.T, b *bench) {
	if got := b.w.Features(); !equal(got, b.Driver.Features) {
		t.Fatalf("the workload says %v, its driver %v", got, b.Driver.Features)
	}
	if b.Driver.Kind == "" || b.Driver.Check == nil || b.Driver.New == nil {
		t.Fatal("the driver is not complete")
	}
}

func unknownTarget(t *testing.T, b *bench) {
	if pools := b.observe("nobody"); len(pools) != 0 {
		t.Fatalf("got %+v", pools)
	}
}

func becomesReady(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", n))
	p := b.ready(checkout, "v1", n)
	if p.Revision != "v1" || p.Updated != n || len(p.Endpoints) != b.Instances(n) || p.Trouble != "" {
		t.Fatalf("got %+v", p)
	}
	for _, e := range p.Endpoints {
		if e.Instance == "" || !strings.HasPrefix(e.URL, "http") {
			t.Errorf("endpoint %+v", e)
		}
	}
	if names := instances(p); len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("instances are not unique: %v", names)
	}
}

func idempotent(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", n))
	before := b.ready(checkout, "v1", n)
	for range 3 {
		b.apply(checkout, nil, b.pool("v1", n))
		if after := b.observe(checkout); !equal(after, []plan.Pool{before}) {
			t.Fatalf("got %+v after the same order, want %+v", after, before)
		}
	}
}

func observing(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", n))
	first := []plan.Pool{b.ready(checkout, "v1", n)}
	for range 10 {
		if next := b.observe(checkout); !equal(first, next) {
			t.Fatalf("got %+v, before %+v", next, first)
		}
	}
	// What was handed out belongs to the reader.
	got := b.observe(checkout)
	got[0].Endpoints[0].Instance = "scribbled"
	if next := b.observe(checkout); !equal(first, next) {
		t.Fatalf("scribbling on an observation changed the next one: %+v", next)
	}
}

func targetsApart(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", n))
	b.apply("cart", nil, b.pool("v1", n))
	p, q := b.ready(checkout, "v1", n), b.ready("cart", "v1", n)
	for _, name := range instances(p) {
		if slices.Contains(instances(q), name) {
			t.Errorf("instance %s belongs to two targets", name)
		}
	}
	b.apply("cart", nil)
	b.until("cart", "it runs nothing", func(pools []plan.Pool) bool { return len(pools) == 0 })
	if after := b.observe(checkout); !equal(after, []plan.Pool{p}) {
		t.Errorf("got %+v, before %+v", after, p)
	}
}

func goesAway(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", n), b.pool("v2", n))
	b.ready(checkout, "v1", n)
	b.ready(checkout, "v2", n)
	b.apply(checkout, nil, b.pool("v2", n))
	if p, found := find(b.observe(checkout), "v1"); found && len(p.Endpoints) > 0 {
		t.Errorf("a pool that was not ordered still has endpoints: %+v", p)
	}
	b.until(checkout, "v1 is gone", func(pools []plan.Pool) bool { _, found := find(pools, "v1"); return !found })
	b.ready(checkout, "v2", n)
}

// kept: an instance under requests leaves the endpoints at once and is stopped only when it is not kept any more.
func kept(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", n), b.pool("v2", n))
	p := b.ready(checkout, "v1", n)
	b.ready(checkout, "v2", n)
	busy := p.Endpoints[0].Instance
	for range 3 {
		b.apply(checkout, set(busy), b.pool("v2", n))
		got := b.until(checkout, "only the kept one is left", func(pools []plan.Pool) bool {
			p, found := find(pools, "v1")
			return found && p.Running == 1
		})
		if p, _ := find(got, "v1"); len(p.Endpoints) != 0 || p.Wanted != 0 {
			t.Fatalf("a leaving instance is still offered: %+v", p)
		}
	}
	b.apply(checkout, nil, b.pool("v2", n))
	b.until(checkout, "v1 is gone", func(pools []plan.Pool) bool { _, found := find(pools, "v1"); return !found })
}

func newRevision(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", n))
	before := b.ready(checkout, "v1", n)
	b.apply(checkout, nil, b.pool("v1", n), b.pool("v2", n))
	after := b.ready(checkout, "v2", n)
	if got := b.ready(checkout, "v1", n); !equal(got, before) {
		t.Errorf("a second pool changed the first: %+v, before %+v", got, before)
	}
	for _, name := range instances(after) {
		if slices.Contains(instances(before), name) {
			t.Errorf("instance %s belongs to two revisions", name)
		}
	}
}

func byName(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v3", 1), b.pool("v1", 1), b.pool("v2", 1))
	var names []string
	for _, p := range b.observe(checkout) {
		names = append(names, string(p.Name))
	}
	if !equal(names, []string{"v1", "v2", "v3"}) {
		t.Fatalf("got %v", names)
	}
}

func signalled(t *testing.T, b *bench) {
	changed := b.w.Changed(b.Target(checkout))
	if changed == nil {
		t.Skip("the workload cannot tell")
	}
	b.apply(checkout, nil, b.pool("v1", 1))
	deadline := time.After(b.Patience)
	for {
		// Only the signal makes us look: without one for the last change this would never end.
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no signal though it changed: %+v", b.observe(checkout))
		}
		if p, found := find(b.observe(checkout), "v1"); found && p.Ready == 1 {
			return
		}
	}
}

func troubled(t *testing.T, b *bench) {
	po := workload.PoolOrder{Pool: "v1", Revision: "v1", Template: b.Stuck(t, "v1"), Replicas: 1}
	b.apply(checkout, nil, po)
	got := b.until(checkout, "there is trouble", func(pools []plan.Pool) bool { return len(pools) == 1 && pools[0].Trouble != "" })
	if got[0].Ready != 0 || len(got[0].Endpoints) != 0 {
		t.Fatalf("got %+v", got[0])
	}
}

func none(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", n))
	b.ready(checkout, "v1", n)
	b.apply(checkout, nil, b.pool("v1", 0))
	if p, found := find(b.observe(checkout), "v1"); found && (p.Ready != 0 || p.Wanted != 0 || len(p.Endpoints) != 0) {
		t.Fatalf("got %+v", p)
	}
	b.until(checkout, "nothing runs", func(pools []plan.Pool) bool {
		p, found := find(pools, "v1")
		return !found || p.Running == 0
	})
}

func refusedOrder(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", n))
	before := []plan.Pool{b.ready(checkout, "v1", n)}
	bad := b.pool("v2", 1)
	bad.Template = json.RawMessage(`{"noSuchField":1}`)
	orders := map[string]workload.Order{
		"a template with an unknown field": {Pools: []workload.PoolOrder{bad}},
		"a pool twice":                     {Pools: []workload.PoolOrder{b.pool("v2", 1), b.pool("v2", 1)}},
		"a negative number":                {Pools: []workload.PoolOrder{b.pool("v2", -1)}},
	}
	for reason, order := range orders {
		if err := b.w.Apply(t.Context(), b.Target(checkout), order); err == nil {
			t.Errorf("%s was accepted", reason)
		}
		if after := b.observe(checkout); !equal(after, before) {
			t.Errorf("%s: got %+v, before %+v", reason, after, before)
		}
	}
}

func grows(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", 1))
	before := b.ready(checkout, "v1", 1)
	b.apply(checkout, nil, b.pool("v1", 3))
	after := b.ready(checkout, "v1", 3)
	if !slices.Contains(instances(after), before.Endpoints[0].Instance) {
		t.Fatalf("growing replaced %v by %v", instances(before), instances(after))
	}
}

func shrinks(t *testing.T, b *bench) {
	b.apply(checkout, nil, b.pool("v1", 1))
	oldest := b.ready(checkout, "v1", 1).Endpoints[0].Instance
	b.apply(checkout, nil, b.pool("v1", 3))
	names := instances(b.ready(checkout, "v1", 3))
	b.apply(checkout, set(names...), b.pool("v1", 1))
	b.until(checkout, oldest+" is alone in the endpoints and three are running", func(pools []plan.Pool) bool {
		p, _ := find(pools, "v1")
		return equal(instances(p), []string{oldest}) && p.Running == 3
	})
	b.apply(checkout, nil, b.pool("v1", 1))
	b.ready(checkout, "v1", 1)
	b.apply(checkout, nil, b.pool("v1", 2))
	for _, name := range instances(b.ready(checkout, "v1", 2)) {
		if name != oldest && slices.Contains(names, name) {
			t.Errorf("the name %s was used again for another instance", name)
		}
	}
}

func templates(t *testing.T, s Subject) {
	if err := s.Driver.Check(s.Template(t, "v1")); err != nil {
		t.Errorf("a good template: %v", err)
	}
	for field, template := range s.Refused {
		err := s.Driver.Check(template)
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v, want an error that names %s", template, err, field)
		}
	}
}
