package engine

import (
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// A target that never has more than its full size turns over in place: asked for half of each revision it gives up two
// instances of the old one before it has two of the new one, and gets back the same way.
func TestFixedTargetsTurnOverInPlace(t *testing.T) {
	half := plan.State{
		Tracks: []plan.Track{
			{Name: plan.Stable, Revision: "v1", Pool: "v1", Capacity: plan.Capacity{Share: 500}},
			{Name: plan.Canary, Revision: "v2", Pool: "v2", Capacity: plan.Capacity{Share: 500}},
		},
		Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: 500, plan.Canary: 500}},
	}
	home := plan.State{
		Tracks:  []plan.Track{{Name: plan.Stable, Revision: "v1", Pool: "v1", Capacity: plan.Full}},
		Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole}},
	}
	const full = 5 // odd: two halves, rounded up, are more than all
	has := map[plan.PoolName]int{"v1": full, "v2": 0}
	for _, want := range []plan.State{half, home} {
		for range 20 {
			o, missing := approach(want, "v1", sightOf(has, full))
			if missing == nil {
				break
			}
			asked := 0
			for _, p := range o.Pools {
				asked += p.Replicas
			}
			if asked > full {
				t.Fatalf("%d instances are asked for, more than %d: %+v", asked, full, o.Pools)
			}
			turnOver(has, o.Pools)
		}
		if _, missing := approach(want, "v1", sightOf(has, full)); missing != nil {
			t.Fatalf("never arrives with %v: %s", has, missing.Text)
		}
	}
	if has["v1"] != full {
		t.Errorf("ends with %v, want all of v1", has)
	}
}

// sightOf is what is seen of two pools behind a router that splits by number.
func sightOf(has map[plan.PoolName]int, full int) Sight {
	s := Sight{Now: time.Unix(0, 0), Full: full, Fixed: true}
	for _, name := range []plan.PoolName{"v1", "v2"} {
		n := has[name]
		s.Pools = append(s.Pools, plan.Pool{Name: name, Revision: plan.Revision(name), Wanted: n, Ready: n, Updated: n, Running: n})
	}
	canary := plan.Share(has["v2"] * int(plan.Whole) / full)
	if has["v2"] == 3 || has["v2"] == 2 {
		canary = plan.Whole / 2 // within one instance of half
	}
	s.Route = plan.Route{
		Traffic: plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}},
		Pools:   map[plan.TrackName]plan.PoolName{plan.Stable: "v1", plan.Canary: "v2"},
	}
	return s
}

// turnOver moves one instance towards what is ordered.
func turnOver(has map[plan.PoolName]int, ordered []PoolOrder) {
	for _, p := range ordered {
		switch {
		case p.Replicas < has[p.Pool]:
			has[p.Pool]--
			return
		case p.Replicas > has[p.Pool] && has["v1"]+has["v2"] < 5:
			has[p.Pool]++
			return
		}
	}
}
