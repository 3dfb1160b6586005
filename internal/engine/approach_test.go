package engine

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// The small world of the model check: two pools of a target of size 2, and a route that may lag behind. It is small enough
// to visit every state it can get into, whatever fails and in whichever order things happen.
type small struct {
	wanted, ready, running [2]int
	share                  [2]plan.Share // acknowledged
	ordered                [2]plan.Share
	pending                bool
}

const size = 2

var pools = [2]plan.PoolName{"v1", "v2"}

// wants are the states a release may ask for, in any order: an adversary changes its mind at any moment.
func wants() []plan.State {
	state := func(stable, canary plan.Share, tracks ...plan.Track) plan.State {
		s := plan.State{Tracks: tracks, Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: stable}}}
		if canary > 0 {
			s.Traffic.Shares[plan.Canary] = canary
		}
		return s
	}
	old := plan.Track{Name: plan.Stable, Revision: "v1", Pool: "v1", Capacity: plan.Full}
	half := plan.Track{Name: plan.Canary, Revision: "v2", Pool: "v2", Capacity: plan.Capacity{Share: 500}}
	full := plan.Track{Name: plan.Canary, Revision: "v2", Pool: "v2", Capacity: plan.Full}
	renamed := plan.Track{Name: plan.Stable, Revision: "v2", Pool: "v2", Capacity: plan.Full}
	smaller := plan.Track{Name: plan.Stable, Revision: "v1", Pool: "v1", Capacity: plan.Capacity{Share: 500}}
	return []plan.State{
		state(plan.Whole, 0, old),
		state(500, 500, old, half),
		state(500, 500, smaller, half),
		state(0, plan.Whole, old, full),
		state(plan.Whole, 0, renamed),
	}
}

func (s small) sight(w plan.State) Sight {
	seen := Sight{Now: time.Unix(0, 0), Full: size, Route: plan.Route{Pools: map[plan.TrackName]plan.PoolName{}}}
	for i, name := range pools {
		if s.wanted[i] > 0 || s.running[i] > 0 {
			seen.Pools = append(seen.Pools, plan.Pool{Name: name, Revision: plan.Revision(name), Wanted: s.wanted[i], Ready: s.ready[i], Updated: s.ready[i], Running: s.running[i]})
		}
	}
	tracks := []plan.TrackName{plan.Stable, plan.Canary}
	if s.share[0] == 0 && s.share[1] == plan.Whole && w.Tracks[0].Pool == "v2" {
		tracks = []plan.TrackName{"none", plan.Stable} // the new revision is already called stable
	}
	seen.Route.Traffic.Shares = plan.Shares{}
	for i, name := range tracks {
		if s.share[i] > 0 {
			seen.Route.Traffic.Shares[name] = s.share[i]
			seen.Route.Pools[name] = pools[i]
		}
	}
	if s.pending {
		seen.Route.Pending = "lags"
	}
	return seen
}

// obey applies orders, and says what they break.
func (s small) obey(o Orders) (small, error) {
	shares := plan.Route{Traffic: o.Traffic, Pools: o.Behind}.Shares()
	next := s
	for i, name := range pools {
		next.ordered[i] = shares[name]
		n := 0
		for _, p := range o.Pools {
			if p.Pool == name {
				n = p.Replicas
			}
		}
		if carries := plan.Share(s.ready[i] * 1000 / size); i == 1 && shares[name] > s.share[1] && shares[name] > carries && s.ready[0] > 0 {
			return next, fmt.Errorf("share of %s grows from %s to %s with %d ready", name, s.share[1], shares[name], s.ready[i])
		}
		if need := (plan.Capacity{Share: max(s.share[i], shares[name])}).Of(size); n < s.wanted[i] && n < need {
			return next, fmt.Errorf("%s shrinks from %d to %d with a share of %s (ordered %s)", name, s.wanted[i], n, s.share[i], shares[name])
		}
		if s.pending && n < s.wanted[i] {
			return next, fmt.Errorf("%s shrinks from %d to %d while the route is not acknowledged", name, s.wanted[i], n)
		}
		next.wanted[i] = n
		next.running[i] = max(s.running[i], n)
		if n < s.ready[i] { // what leaves is not ready any more and ends when drained
			next.ready[i] = n
		}
	}
	next.pending = next.ordered != next.share
	return next, nil
}

// happens lists what the world may do next.
func (s small) happens() []small {
	var out []small
	for i := range pools {
		if s.ready[i] < s.wanted[i] {
			n := s
			n.ready[i]++
			out = append(out, n)
		}
		if s.ready[i] > 0 {
			n := s
			n.ready[i]--
			out = append(out, n)
		}
		if s.running[i] > s.wanted[i] {
			n := s
			n.running[i]--
			out = append(out, n)
		}
	}
	if s.pending {
		n := s
		n.share, n.pending = s.ordered, false
		out = append(out, n)
	}
	return out
}

func TestApproachIsSafeInEveryState(t *testing.T) {
	begin := small{wanted: [2]int{2, 0}, ready: [2]int{2, 0}, running: [2]int{2, 0}, share: [2]plan.Share{plan.Whole, 0}, ordered: [2]plan.Share{plan.Whole, 0}}
	seen := map[small]bool{begin: true}
	for queue := []small{begin}; len(queue) > 0; {
		s := queue[0]
		queue = queue[1:]
		for n, want := range wants() {
			o, _ := approach(want, "v1", s.sight(want))
			next, err := s.obey(o)
			if err != nil {
				t.Fatalf("want %d in %+v: %v", n, s, err)
			}
			for _, after := range append(next.happens(), next) {
				if !seen[after] {
					seen[after] = true
					queue = append(queue, after)
				}
			}
		}
	}
	t.Logf("%d states", len(seen))
	if len(seen) < 100 {
		t.Errorf("only %d states were reached: the model does not move", len(seen))
	}
	reachesFromEverywhere(t, seen)
}

// reachesFromEverywhere: in a world that does what it is told, every wanted state is reached from every state.
func reachesFromEverywhere(t *testing.T, states map[small]bool) {
	for s := range maps.Keys(states) {
		for n, want := range wants() {
			if !reaches(s, want) {
				t.Fatalf("want %d is never reached from %+v", n, s)
			}
		}
	}
}

func reaches(s small, want plan.State) bool {
	for range 40 {
		o, missing := approach(want, "v1", s.sight(want))
		if missing == nil {
			return true
		}
		s, _ = s.obey(o)
		for i := range pools {
			s.ready[i], s.running[i] = s.wanted[i], s.wanted[i]
		}
		s.share, s.pending = s.ordered, false
	}
	return false
}

// The checks themselves are checked: an approach that shifts first and grows later must be caught.
func TestModelCatchesAnUnsafeApproach(t *testing.T) {
	begin := small{wanted: [2]int{2, 0}, ready: [2]int{2, 0}, running: [2]int{2, 0}, share: [2]plan.Share{plan.Whole, 0}}
	want := wants()[1]
	rash := Orders{Traffic: want.Traffic, Behind: map[plan.TrackName]plan.PoolName{plan.Stable: "v1", plan.Canary: "v2"}, Pools: []PoolOrder{{Pool: "v1", Replicas: 2}, {Pool: "v2", Replicas: 1}}}
	if _, err := begin.obey(rash); err == nil {
		t.Error("traffic before capacity was not caught")
	}
	rash.Traffic = begin.sight(want).Route.Traffic
	rash.Pools = []PoolOrder{{Pool: "v1", Replicas: 1}}
	if _, err := begin.obey(rash); err == nil {
		t.Error("capacity taken away under traffic was not caught")
	}
}

func TestApproach(t *testing.T) {
	old := plan.Track{Name: plan.Stable, Revision: "v1", Pool: "v1", Capacity: plan.Full}
	canary := plan.Track{Name: plan.Canary, Revision: "v2", Pool: "v2", Capacity: plan.Capacity{Share: 500}}
	pool := func(name plan.PoolName, wanted, ready int) plan.Pool {
		return plan.Pool{Name: name, Revision: plan.Revision(name), Wanted: wanted, Ready: ready, Updated: ready, Running: wanted}
	}
	half := plan.State{Tracks: []plan.Track{old, canary}, Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: 500, plan.Canary: 500}}}
	home := plan.State{Tracks: []plan.Track{old}, Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole}}}
	route := func(stable, canary plan.Share) plan.Route {
		return plan.Route{Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: stable, plan.Canary: canary}}, Pools: map[plan.TrackName]plan.PoolName{plan.Stable: "v1", plan.Canary: "v2"}}
	}
	for _, c := range []struct {
		reason string
		want   plan.State
		pools  []plan.Pool
		route  plan.Route
		canary plan.Share
		size   map[plan.PoolName]int
		waits  string
	}{
		{"a route that nobody knows is not taken for one that may go to a canary that is not there", half, []plan.Pool{pool("v1", 4, 4)}, plan.Route{}, 0, map[plan.PoolName]int{"v1": 4, "v2": 2}, "readiness"},
		{"grow before shifting", half, []plan.Pool{pool("v1", 4, 4)}, route(1000, 0), 0, map[plan.PoolName]int{"v1": 4, "v2": 2}, "readiness"},
		{"half ready is not ready", half, []plan.Pool{pool("v1", 4, 4), pool("v2", 2, 1)}, route(1000, 0), 0, map[plan.PoolName]int{"v1": 4, "v2": 2}, "readiness"},
		{"shift when ready", half, []plan.Pool{pool("v1", 4, 4), pool("v2", 2, 2)}, route(1000, 0), 500, map[plan.PoolName]int{"v1": 4, "v2": 2}, "route"},
		{"there", half, []plan.Pool{pool("v1", 4, 4), pool("v2", 2, 2)}, route(500, 500), 500, map[plan.PoolName]int{"v1": 4, "v2": 2}, ""},
		{"a canary that lost a replica gives up what it cannot carry", half, []plan.Pool{pool("v1", 4, 4), pool("v2", 2, 1)}, route(500, 500), 250, map[plan.PoolName]int{"v1": 4, "v2": 2}, "readiness"},
		{"a short stable does not push traffic onto the canary", half, []plan.Pool{pool("v1", 4, 1), pool("v2", 2, 2)}, route(500, 500), 500, map[plan.PoolName]int{"v1": 4, "v2": 2}, ""},
		{"a dead stable does", half, []plan.Pool{pool("v1", 4, 0), pool("v2", 2, 2)}, route(500, 500), 1000, map[plan.PoolName]int{"v1": 4, "v2": 4}, "readiness"},
		{"going back, traffic leaves at once and capacity stays until it has", home, []plan.Pool{pool("v1", 4, 4), pool("v2", 2, 2)}, route(500, 500), 0, map[plan.PoolName]int{"v1": 4, "v2": 2}, "route"},
		{"then capacity goes", home, []plan.Pool{pool("v1", 4, 4), pool("v2", 2, 2)}, route(1000, 0), 0, map[plan.PoolName]int{"v1": 4, "v2": 0}, "drain"},
		{"going back to a stable that is not warm moves what it can carry", home, []plan.Pool{pool("v1", 4, 3), pool("v2", 4, 4)}, route(0, 1000), 250, map[plan.PoolName]int{"v1": 4, "v2": 4}, "readiness"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			o, missing := approach(c.want, "v1", Sight{Full: 4, Pools: c.pools, Route: c.route})
			if got := o.Traffic.Shares[plan.Canary]; got != c.canary {
				t.Errorf("canary gets %s, want %s", got, c.canary)
			}
			for _, p := range o.Pools {
				if p.Replicas != c.size[p.Pool] {
					t.Errorf("pool %s gets %d replicas, want %d", p.Pool, p.Replicas, c.size[p.Pool])
				}
			}
			waits := ""
			if missing != nil {
				waits = missing.For
			}
			if waits != c.waits {
				t.Errorf("waits for %q, want %q", waits, c.waits)
			}
		})
	}
}

func TestRulesHaveNames(t *testing.T) {
	var names []string
	for _, r := range rules {
		if r.name == "" || slices.Contains(names, r.name) {
			t.Errorf("rule %q: every rule has a name of its own, because the status points at it", r.name)
		}
		names = append(names, r.name)
	}
}
