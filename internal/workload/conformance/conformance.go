package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// A Subject is a workload to be tested.
type Subject struct {
	Driver    workload.Driver
	New       func(t *testing.T) workload.Workload                       // with nothing running; cleans up after the test
	Template  func(t *testing.T, revision plan.Revision) json.RawMessage // of a revision that becomes ready
	Refused   map[string]json.RawMessage                                 // templates to refuse, by the field the error must name
	Stuck     func(t *testing.T, revision plan.Revision) json.RawMessage // of a revision that never becomes ready
	Instances func(replicas int) int                                     // of a pool that is ready; nil: as many as replicas

	Target   func(name string) string // names a target; nil: "Kind/checkout" of "checkout"
	Single   bool                     // a target runs one ordered revision at a time: tests that order two are left out
	Patience time.Duration            // bounds every wait; 0: 15 s
}

// checkout is the target of most tests.
const checkout = "checkout"

// n is the replicas of a pool.
const n = 2

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	tests := []struct {
		name  string
		needs plan.Feature // skipped without it
		run   func(*testing.T, *bench)
		pair  bool // orders two revisions at once
	}{
		{"features are those of the driver", "", features, false},
		{"an unknown target runs nothing", "", unknownTarget, false},
		{"a pool becomes ready", "", becomesReady, false},
		{"ordering the same again changes nothing", "", idempotent, false},
		{"observing changes nothing", "", observing, false},
		{"targets do not see each other", "", targetsApart, false},
		{"a pool not in the order goes away", "", goesAway, true},
		{"a kept instance leaves the endpoints first", "", kept, true},
		{"a new revision has new instances", "", newRevision, true},
		{"pools are listed by name", "", byName, true},
		{"changes are signalled", "", signalled, false},
		{"trouble says why nothing is ready", "", troubled, false},
		{"a pool of no replicas has no endpoints", "", none, false},
		{"a refused order changes nothing", "", refusedOrder, false},
		{"a pool grows without touching what runs", plan.Scaling, grows, false},
		{"a pool shrinks by the youngest", plan.Scaling, shrinks, false},
	}
	if s.Instances == nil {
		s.Instances = func(replicas int) int { return replicas }
	}
	if s.Target == nil {
		s.Target = func(name string) string { return "Kind/" + name }
	}
	s.Patience = cmp.Or(s.Patience, 15*time.Second)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.needs != "" && !s.Driver.Features.Has(test.needs) {
				t.Skipf("the workload has no feature %s", test.needs)
			}
			if test.pair && s.Single {
				t.Skip("the workload runs one ordered revision at a time")
			}
			test.run(t, &bench{Subject: s, t: t, w: s.New(t)})
		})
	}
	t.Run("templates are checked", func(t *testing.T) { templates(t, s) })
}

// A bench is one workload under test and short words to speak to it.
type bench struct {
	Subject
	t *testing.T
	w workload.Workload
}

func (b *bench) pool(revision plan.Revision, replicas int) workload.PoolOrder {
	return workload.PoolOrder{
		Pool: plan.PoolName(revision), Revision: revision, Template: b.Template(b.t, revision), Replicas: replicas,
	}
}

func (b *bench) apply(target string, keep map[string]bool, pools ...workload.PoolOrder) {
	b.t.Helper()
	if err := b.w.Apply(b.t.Context(), b.Target(target), workload.Order{Pools: pools, Keep: keep}); err != nil {
		b.t.Fatalf("apply: %v", err)
	}
}

func (b *bench) observe(target string) []plan.Pool {
	b.t.Helper()
	pools, err := b.w.Observe(b.t.Context(), b.Target(target))
	if err != nil {
		b.t.Fatalf("observe: %v", err)
	}
	for _, p := range pools {
		if len(p.Endpoints) > p.Running || p.Updated > p.Ready {
			b.t.Fatalf("the numbers of pool %s contradict each other: %+v", p.Name, p)
		}
	}
	return pools
}

// until waits for an observation that satisfies, woken by Changed where the workload has it.
func (b *bench) until(target, what string, good func([]plan.Pool) bool) []plan.Pool {
	b.t.Helper()
	deadline := time.After(b.Patience)
	look := time.NewTicker(b.Patience / 200) // a cluster is not asked as often as a process
	defer look.Stop()
	for {
		pools := b.observe(target)
		if good(pools) {
			return pools
		}
		select {
		case <-b.w.Changed(b.Target(target)):
		case <-look.C:
		case <-deadline:
			b.t.Fatalf("waiting until %s: still %+v", what, pools)
		}
	}
}

func (b *bench) ready(target string, revision plan.Revision, n int) plan.Pool {
	b.t.Helper()
	pools := b.until(target, fmt.Sprintf("%s has %d ready", revision, n), func(pools []plan.Pool) bool {
		p, found := find(pools, revision)
		return found && p.Wanted == n && p.Ready == n && p.Running == b.Instances(n)
	})
	p, _ := find(pools, revision)
	return p
}

func find(pools []plan.Pool, revision plan.Revision) (plan.Pool, bool) {
	i := slices.IndexFunc(pools, func(p plan.Pool) bool { return p.Name == plan.PoolName(revision) })
	if i < 0 {
		return plan.Pool{}, false
	}
	return pools[i], true
}

func instances(p plan.Pool) []string {
	var names []string
	for _, e := range p.Endpoints {
		names = append(names, e.Instance)
	}
	slices.Sort(names)
	return names
}

func set(names ...string) map[string]bool {
	s := map[string]bool{}
	for _, name := range names {
		s[name] = true
	}
	return s
}

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
