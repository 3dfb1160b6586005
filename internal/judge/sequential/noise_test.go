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

// However unequal pods are, and whatever little they have shown, their spread is a number, and none where there is nothing to compare.
func TestSpreadsAreNumbers(t *testing.T) {
	for _, c := range []struct {
		reason string
		pods   []record
		most   float64
	}{
		{"one pod", []record{{Saw: 40, Expected: 40}}, 0},
		{"one has hardly any requests, and fails", []record{{Saw: 20, Expected: 20}, {Saw: 1, Expected: 1e-9}}, 0},
		{"none has failed", []record{{}, {}}, 0},
		{"too few failures", []record{{Saw: 8, Expected: 4}, {Saw: 1, Expected: 5}}, 0},
		{"as alike as chance makes them", []record{{Saw: 55, Expected: 50}, {Saw: 42, Expected: 50}, {Saw: 53, Expected: 50}}, 0},
		{"two that differ for good", []record{{Saw: 900, Expected: 600}, {Saw: 300, Expected: 600}}, 40},
		{"ten that do", []record{{Saw: 90, Expected: 60}, {Saw: 30, Expected: 60}, {Saw: 80, Expected: 60}, {Saw: 40, Expected: 60},
			{Saw: 95, Expected: 60}, {Saw: 25, Expected: 60}, {Saw: 60, Expected: 60}, {Saw: 58, Expected: 60}, {Saw: 75, Expected: 60}, {Saw: 47, Expected: 60}}, 1},
	} {
		pods := make([]pod, len(c.pods))
		for i := range pods {
			pods[i].Failed = c.pods[i]
		}
		if got := spread(pods, failed, 1); math.IsNaN(got) || got < 0 || got > c.most || c.most > 0 && got < 0.3 {
			t.Errorf("%s: spread %g, want at most %g", c.reason, got, c.most)
		}
	}
}

// Latencies of several kinds, read through the default bounds of Prometheus clients: the tail that a tenth more time makes is
// drawn right between them, whatever the kind, and where requests are of two kinds at least not too small by much.
func TestCurvesFollowLatenciesBetweenBounds(t *testing.T) {
	bounds := []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	lognormal := func(median, sigma float64) func(float64) float64 {
		return func(t float64) float64 { return 0.5 * math.Erfc(math.Log(t/median)/sigma/math.Sqrt2) }
	}
	for _, c := range []struct {
		reason      string
		beyond      func(float64) float64
		least, most float64 // of what the tail grows by, against the truth
	}{
		{"lognormal", lognormal(0.2, 0.5), 0.9, 1.1},
		{"lognormal, fast and wide", lognormal(0.03, 0.9), 0.95, 1.05},
		{"exponential", func(t float64) float64 { return math.Exp(-t / 0.1) }, 0.95, 1.15},
		{"heavy tail", func(t float64) float64 { return math.Pow(1+t/0.1, -3) }, 0.95, 1.15},
		{"light tail", func(t float64) float64 { return math.Exp(-t * t / 0.02) }, 0.9, 1.1},
		{"one in ten is of a slow kind", func(t float64) float64 {
			return 0.9*lognormal(0.02, 0.3)(t) + 0.1*lognormal(0.6, 0.3)(t)
		}, 0.65, 1e3},
	} {
		t.Run(c.reason, func(t *testing.T) {
			shares := make([]float64, len(bounds))
			for i, b := range bounds {
				shares[i] = c.beyond(b)
			}
			var drawn curve
			drawn.through(bounds, shares)
			for i, b := range bounds {
				if grown := c.beyond(b/1.1) - shares[i]; shares[i] > 1e-3 && shares[i] < 0.98 && grown > 1e-3 {
					if got := (drawn.slowed(i, 1.1) - shares[i]) / grown; got < c.least || got > c.most {
						t.Errorf("beyond %g s: %.3f of the tail that a factor of 1.1 makes", b, got)
					}
				}
			}
		})
	}
	var lone curve
	lone.through([]float64{1}, []float64{0.5})
	if got := lone.slowed(0, 1.1); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("a single bound shows no slope, got %g", got)
	}
}
