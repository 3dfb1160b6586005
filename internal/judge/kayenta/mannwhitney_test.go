package kayenta

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The test is checked against what defines it, apart from the search: the estimate is near the median of all differences, the
// statistic changes sign at the limits, and moving or swapping the sides moves or swaps the interval.
func TestIntervalsAreWhatTheyMean(t *testing.T) {
	for seed := range uint64(200) {
		dice := rand.New(rand.NewPCG(seed, 7))
		x, y := make([]float64, 5+dice.IntN(60)), make([]float64, 5+dice.IntN(60))
		for i := range x {
			x[i] = 100 + 10*dice.NormFloat64()
		}
		for i := range y {
			y[i] = 90 + 20*dice.ExpFloat64()
		}
		i, err := uTest(x, y, confidence)
		if err != nil {
			t.Fatal(err)
		}
		if low, high := around(differences(x, y)); i.estimate < low-2e-4 || i.estimate > high+2e-4 {
			t.Errorf("seed %d: estimate %v, the median difference lies in [%v, %v]", seed, i.estimate, low, high)
		}
		s := newShift(x, y)
		for _, limit := range []struct{ at, z float64 }{{i.low, -quantile(confidence)}, {i.high, quantile(confidence)}} {
			before, _ := s.statistic(limit.at-2e-4, limit.z)
			after, _ := s.statistic(limit.at+2e-4, limit.z)
			if limit.at > s.least && limit.at < s.most && !(before >= 0 && after <= 0) {
				t.Errorf("seed %d: at limit %v the statistic goes from %v to %v", seed, limit.at, before, after)
			}
		}
		swapped, err := uTest(y, x, confidence)
		if err != nil || math.Abs(swapped.low+i.high) > 4e-4 || math.Abs(swapped.high+i.low) > 4e-4 {
			t.Errorf("seed %d: %+v, swapped %+v, %v", seed, i, swapped, err)
		}
		for k := range x {
			x[k] += 50
		}
		moved, err := uTest(x, y, confidence)
		if err != nil || math.Abs(moved.low-i.low-50) > 4e-4 || math.Abs(moved.high-i.high-50) > 4e-4 {
			t.Errorf("seed %d: %+v, moved by 50 %+v, %v", seed, i, moved, err)
		}
	}
}

func differences(x, y []float64) []float64 {
	var all []float64
	for _, a := range x {
		for _, b := range y {
			all = append(all, a-b)
		}
	}
	slices.Sort(all)
	return all
}

// around is where the statistic is 0: about the median; the continuity correction makes it a step or two wide.
func around(ordered []float64) (low, high float64) {
	mid := len(ordered) / 2
	return ordered[max(0, mid-2)], ordered[min(len(ordered)-1, mid+2)]
}

// The rate of false alarms is Kayenta's own: none to speak of at 60 values, one in four or five at two.
func TestFalseAlarmsAreKayentas(t *testing.T) {
	dice := rand.New(rand.NewPCG(11, 13))
	rate := func(n, trials int) float64 {
		alarms := 0
		for range trials {
			x, y := make([]float64, n), make([]float64, n)
			for i := range n {
				x[i], y[i] = 100+dice.NormFloat64(), 100+dice.NormFloat64()
			}
			o, err := Metric{}.Options()
			if err != nil {
				t.Fatal(err)
			}
			o.Effect.AllowedIncrease, o.Effect.AllowedDecrease = 0, math.Inf(1) // as if there were none
			if classify("m", x, y, o, tolerance, confidence).label != ClassPass {
				alarms++
			}
		}
		return float64(alarms) / float64(trials)
	}
	if got := rate(2, 2000); got < 0.19 || got > 0.27 {
		t.Errorf("at two values %.3f, want about 0.23", got)
	}
	if got := rate(3, 2000); got < 0.03 || got > 0.08 {
		t.Errorf("at three values %.3f, want about 0.053", got)
	}
	if got := rate(60, 500); got > 0.01 {
		t.Errorf("at sixty values %.3f, want about 0.0007", got)
	}
}
