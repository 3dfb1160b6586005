package endpoints

import (
	"maps"
	"testing"

	"serin.dev/serin/internal/plan"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		reason         string
		share          plan.Share
		stable, canary int // ready
		s, c           int // chosen
	}{
		{"nothing is exact", 0, 10, 10, 10, 0},
		{"everything is exact", 1000, 10, 10, 0, 10},
		{"one in ten: a pod of stable steps aside", 100, 10, 1, 9, 1},
		{"a half of four", 500, 4, 2, 2, 2},
		{"finer than there are pods: as near as can be", 10, 4, 1, 4, 1},
		{"more canaries than the share needs", 100, 10, 10, 10, 1},
		{"nearest below", 120, 10, 10, 10, 1},
		{"nearest above", 140, 10, 10, 10, 2},
		{"nearly everything keeps one of stable", 990, 10, 10, 1, 10},
		{"two thirds of two", 660, 2, 2, 1, 2},
		{"the canary has gone: stable serves", 100, 10, 0, 10, 0},
		{"stable has gone: better the canary than nobody", 100, 0, 1, 0, 1},
		{"nobody is there", 100, 0, 0, 0, 0},
		{"thousands", 10, 2000, 30, 2000, 20},
	} {
		got := choose(map[plan.TrackName]int{plan.Stable: c.stable, plan.Canary: c.canary}, plan.Shares{plan.Stable: plan.Whole - c.share, plan.Canary: c.share})
		if got[plan.Stable] != c.s || got[plan.Canary] != c.c {
			t.Errorf("%s: %v of %d beside %d chose %v, want %d beside %d", c.reason, c.share, c.canary, c.stable, got, c.c, c.s)
		}
	}
}

// Over every small cluster: nobody gets more than they would while stable serves alone, and of all choices of which that can be said
// without knowing the full size none is nearer.
func TestNothingIsNearerAndNobodyIsOverloaded(t *testing.T) {
	for full := 1; full <= 12; full++ {
		for share := plan.Share(5); share < plan.Whole; share += 5 {
			for canary := (int(share)*full + 999) / 1000; canary <= full; canary++ { // what the engine lets it have that share with
				ready := map[plan.TrackName]int{plan.Stable: full, plan.Canary: canary}
				shares := plan.Shares{plan.Stable: plan.Whole - share, plan.Canary: share}
				got := choose(ready, shares)
				if total(got) < full || got[plan.Stable] < 1 || got[plan.Canary] < 1 {
					t.Fatalf("%v of %v: chose %v of a full size of %d", share, ready, got, full)
				}
				safe := min(full*1000/int(plan.Whole-share), canary*1000/int(share))
				for s := 1; s <= full; s++ {
					for c := 1; c <= canary; c++ {
						other := map[plan.TrackName]int{plan.Stable: s, plan.Canary: c}
						if total(other) >= safe && off(other, shares)*total(got) < off(got, shares)*total(other) {
							t.Fatalf("%v of %v: chose %v, and %v is nearer", share, ready, got, other)
						}
					}
				}
			}
		}
	}
}

func TestThreeTracks(t *testing.T) {
	ready := map[plan.TrackName]int{plan.Stable: 10, plan.Canary: 1, plan.Baseline: 1}
	got := choose(ready, plan.Shares{plan.Stable: 800, plan.Canary: 100, plan.Baseline: 100})
	if want := (map[plan.TrackName]int{plan.Stable: 8, plan.Canary: 1, plan.Baseline: 1}); !maps.Equal(got, want) {
		t.Errorf("chose %v, want %v", got, want)
	}
}

func TestParts(t *testing.T) {
	for _, c := range []struct {
		stable, canary int
		want           plan.Share
	}{{9, 1, 100}, {2, 1, 333}, {0, 3, 1000}, {3, 0, 0}} {
		got := parts(map[plan.TrackName]int{plan.Stable: c.stable, plan.Canary: c.canary})
		if got[plan.Canary] != c.want || got.Sum() != plan.Whole {
			t.Errorf("%d beside %d: %v, want %v", c.canary, c.stable, got, c.want)
		}
	}
	if got := parts(nil); len(got) != 0 {
		t.Errorf("nobody gets %v", got)
	}
}
