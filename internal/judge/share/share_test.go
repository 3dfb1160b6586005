package share

import (
	"math/rand/v2"
	"testing"
)

// look deals n requests with a true share.
func look(s State, dice *rand.Rand, weight, truth float64, n int) State {
	canary := int64(0)
	for range n {
		if dice.Float64() < truth {
			canary++
		}
	}
	return s.Look(weight, int64(n)-canary, canary)
}

// A share that is right, or off by what is tolerated, is called wrong at most once in Limit, however often one looks.
func TestRightSharesAreLeftAlone(t *testing.T) {
	for _, off := range []float64{1, 1 - Tolerance, 1 + Tolerance} {
		const runs = 2000
		called := 0
		for seed := range uint64(runs) {
			dice, s := rand.New(rand.NewPCG(seed, 1)), State{}
			for range 300 {
				if s = look(s, dice, 10, 0.1*off, 20); s.Wrong() {
					called++
					break
				}
			}
		}
		if called > runs*15/1000 { // 1 in 100, and three standard deviations
			t.Errorf("a share of %g of the intended one was called wrong %d times in %d", off, called, runs)
		}
	}
}

func TestWrongSharesAreFound(t *testing.T) {
	for _, c := range []struct {
		reason        string
		weight, truth float64
		within        int // requests, in the median
	}{
		{"nobody reaches the canary", 10, 0, 120},
		{"half of it", 10, 0.04, 1200},
		{"twice as many", 10, 0.25, 400},
		{"everybody", 5, 1, 200},
		{"next to nobody at one per cent", 1, 0, 1200},
	} {
		t.Run(c.reason, func(t *testing.T) {
			slow := 0
			for seed := range uint64(101) {
				dice, s, n := rand.New(rand.NewPCG(seed, 2)), State{}, 0
				for n < 20000 && !s.Wrong() {
					s, n = look(s, dice, c.weight, c.truth, 10), n+10
				}
				if n > c.within {
					slow++
				}
			}
			if slow > 50 {
				t.Errorf("%d of 101 took more than %d requests", slow, c.within)
			}
		})
	}
}

func TestOneLookProvesNothing(t *testing.T) {
	if s := (State{}).Look(10, 100000, 0); s.Wrong() {
		t.Error("a single look without canary requests, which a reset counter gives as well, was taken for proof")
	}
	s := State{}.Look(10, 90, 10)
	if s = s.Look(50, 10, 10); s.Stable != 10 || s.Canary != 10 {
		t.Errorf("a new weight did not begin anew: %+v", s)
	}
	for _, weight := range []float64{0, 100} {
		if s := (State{}).Look(weight, 10, 10); s.Evidence() != 1 {
			t.Errorf("at %g %% there is nothing to compare, evidence %g", weight, s.Evidence())
		}
	}
}
