package sequential

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// world is a stable track for the learners: pods with lasting factors, a common rate that moves, bursts.
type world struct {
	factors []float64
	burst   float64 // mean size, geometric; 1: independent
	moving  bool
}

func (w world) teach(looks int, seed uint64) (*noise, []pod) {
	dice := rand.New(rand.NewPCG(seed, 1))
	v, pods := &noise{}, make([]pod, len(w.factors))
	for k := range looks {
		rate := 0.005
		if w.moving && k%60 < 6 {
			rate = 0.1
		}
		cells := make([]cell, len(pods))
		for i := range cells {
			n := distuv.Poisson{Lambda: 75, Src: dice}.Rand()
			x := 0.0
			for range int(distuv.Poisson{Lambda: math.Max(1e-9, n*rate*w.factors[i]/w.burst), Src: dice}.Rand()) {
				x += 1 + math.Floor(math.Log(1-dice.Float64())/math.Log(1-1/w.burst))
			}
			cells[i] = cell{n: n, x: math.Min(x, n), record: &pods[i].Failed}
		}
		v.learn(cells)
	}
	return v, pods
}

func alikePods(k int) []float64 {
	f := make([]float64, k)
	for i := range f {
		f[i] = 1
	}
	return f
}

func TestNoiseTellsBurstsFromOutagesAndUnequalPods(t *testing.T) {
	unequal := []float64{0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 1.8}
	for _, c := range []struct {
		reason           string
		world            world
		least, most      float64 // of the burst size
		spreads, spreadM float64 // of the spread
	}{
		{"independent", world{alikePods(18), 1, false}, 1, 1, 0, 0.15},
		{"a common outage is no burst", world{alikePods(18), 1, true}, 1, 1, 0, 0.15},
		{"pods that differ are no bursts", world{unequal, 1, false}, 1, 1, 0.25, 0.6},
		{"pods that differ under outages", world{unequal, 1, true}, 1, 1, 0.25, 0.6},
		{"bursts of three", world{alikePods(18), 3, false}, 4, 6.5, 0, 0.2},
		{"bursts of ten", world{alikePods(18), 10, false}, 12, 28, 0, 0.5},
		{"bursts of three, two pods", world{alikePods(2), 3, false}, 3.5, 9, 0, 0.5},
		{"bursts of three, one pod", world{alikePods(1), 3, false}, 3, 8, 0, 0},
	} {
		t.Run(c.reason, func(t *testing.T) {
			for seed := range uint64(5) {
				v, pods := c.world.teach(240, seed)
				if got := v.burst(); got < c.least || got > c.most {
					t.Errorf("seed %d: burst %.2f, want %g to %g", seed, got, c.least, c.most)
				}
				if got := spread(pods, failed, v.burst()); got < c.spreads || got > c.spreadM {
					t.Errorf("seed %d: spread %.2f, want %g to %g", seed, got, c.spreads, c.spreadM)
				}
			}
		})
	}
}

func TestStretchFollowsTheCurveBetweenBounds(t *testing.T) {
	bounds := []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5}
	survival := func(x float64) float64 { return 0.5 * math.Erfc(math.Log(x/0.2)/0.5/math.Sqrt2) }
	shares := make([]float64, len(bounds))
	for i, b := range bounds {
		shares[i] = survival(b)
	}
	for i := 1; i < len(bounds)-2; i++ {
		want := survival(bounds[i]/1.1) / shares[i]
		if got := stretch(bounds, shares, i, 1.1); got < 0.9*want || got > 1.25*want {
			t.Errorf("at %g s a factor of 1.1 stretches the tail by %.3f, the curve says %.3f", bounds[i], got, want)
		}
	}
	if got := stretch([]float64{1}, []float64{0.5}, 0, 1.1); got != 1 {
		t.Errorf("a single bound shows no slope, got %g", got)
	}
}
