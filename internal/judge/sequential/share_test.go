package sequential_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/detect"
	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/plan"
)

// Half an hour of looks each 5 s, of which the canary loses half of its requests from some look on, or does not.
func TestACanaryThatAnswersLessThanBeforeHolds(t *testing.T) {
	const before, looks = 120, 360
	half := func(k int) float64 {
		if k < before {
			return 1
		}
		return 0.5
	}
	for _, c := range []struct {
		reason string
		block  string
		share  func(k int) float64 // of what the canary was given before
		change func(k int, l *judge.Look)
		from   int // the look from which on it must hold for good; 0: it must hold at none after leave was given
	}{
		{"half of its requests hang", "", half, nil, before + 36},
		{"nearly all of them", "", func(k int) float64 { return half(k)*1.9 - 0.9 }, nil, before + 24},
		{"all is well", "", func(int) float64 { return 1 }, nil, 0},
		{"it is not asked for", `{"traffic": {"share": false}}`, half, nil, 0},
		{"sticky users leave the share that was theirs", "", func(k int) float64 { return 1 + 0.8*math.Exp(-float64(k)/120) }, nil, 0},
		{"a third leaves, slowly", "", func(k int) float64 { return 1 - 0.3*math.Min(1, float64(k)/200) }, nil, 0},
		{"one look of a counter that was reset", "", func(k int) float64 {
			if k%60 == 59 {
				return 0.02
			}
			return 1
		}, nil, 0},
		{"the weight goes back", "", half, func(k int, l *judge.Look) {
			if k >= before {
				l.Weight = 5
			}
		}, 0},
		{"one of two canary pods cannot be read", "", half, func(k int, l *judge.Look) {
			l.Tracks[plan.Canary].Pods["d"] = judge.Tally{Requests: 50}
			if k >= before {
				delete(l.Tracks[plan.Canary].Pods, "d")
			}
		}, 0},
		{"stable pods that were not read are", "", func(int) float64 { return 1 }, func(k int, l *judge.Look) {
			if k >= before {
				l.Tracks[plan.Stable].Pods["b"] = judge.Tally{Requests: 450}
			}
		}, 0},
		{"every fourth look a gap", "", half, func(k int, l *judge.Look) { l.Gap = k%4 == 3 }, before + 48},
	} {
		t.Run(c.reason, func(t *testing.T) {
			j, dice := with(t, c.block), rand.New(rand.NewPCG(3, 9))
			s := j.Start()
			left := false
			for k := range looks {
				n := binomial(dice, 100, 0.5*c.share(k)) // of ten in a hundred that are meant, as it were
				l := pair(float64(5*k+5), 10, 450, 2, n, 0)
				if c.change != nil {
					c.change(k, &l)
				}
				var v plan.Verdict
				s, v = j.Look(s, l)
				left = left || v.Outcome == plan.Pass
				switch told := strings.Contains(v.Reason, "the same weight brought it before"); {
				case v.Outcome == plan.Fail:
					t.Fatalf("look %d: %s", k, v.Reason)
				case c.from > 0 && k >= c.from && !l.Gap && (v.Outcome != plan.Hold || !told || find(v, "traffic share") == nil):
					t.Fatalf("look %d: %s, want a hold for the share: %s", k, v.Outcome, v.Reason)
				case (c.from == 0 || k < before) && told:
					t.Fatalf("look %d: %s", k, v.Reason)
				}
			}
			if !left {
				t.Error("leave was never given")
			}
		})
	}
}

// A share that comes back lifts the hold.
func TestAShareThatComesBackIsBelieved(t *testing.T) {
	j := defaults(t)
	s, held := j.Start(), false
	var v plan.Verdict
	for k := range 360 {
		n := int64(50)
		if k%40 == 20 {
			s = restored(t, j, s)
		}
		if k >= 120 && k < 240 {
			n = 20
		}
		s, v = j.Look(s, pair(float64(5*k+5), 10, 450, 2, n, 0))
		held = held || strings.Contains(v.Reason, "the same weight brought it before")
		if k >= 240+12 && v.Outcome != plan.Pass {
			t.Fatalf("look %d: %s: %s", k, v.Outcome, v.Reason)
		}
	}
	if !held {
		t.Error("it was never held")
	}
}

func restored(t *testing.T, j *sequential.Judge, s judge.State) judge.State {
	t.Helper()
	data, err := s.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = j.Restore(data); err != nil {
		t.Fatal(err)
	}
	return s
}

// Requests are dealt at the least share that is still good, after ten minutes at the full one, at a budget of 5 %, one by one and
// in batches of nine: at most one release in twenty may be held for it. Batches are known from the first ten minutes alone.
func TestAnEbbKeepsTheBudget(t *testing.T) {
	for _, batch := range []int64{1, 9} {
		t.Run(fmt.Sprint("batches of ", batch), func(t *testing.T) {
			const releases = 300
			held := 0
			for n := range uint64(releases) {
				dice, j := rand.New(rand.NewPCG(23, n)), with(t, `{"budget": {"falseRollback": "5%"}}`)
				s := j.Start()
				for k := range 480 {
					odds := 1. / 9
					if k >= 120 {
						odds *= 0.66
					}
					canary := batch * binomial(dice, 180/batch, odds/(1+odds))
					var v plan.Verdict
					s, v = j.Look(s, pair(float64(5*k+5), 10, 180-canary, 0, canary, 0))
					if strings.Contains(v.Reason, "the same weight brought it before") {
						held++
						break
					}
				}
			}
			if low, _ := detect.Wilson(held, releases); low > 0.05 {
				t.Errorf("%d of %d releases were held for their share, more than 5 %%", held, releases)
			}
		})
	}
}
