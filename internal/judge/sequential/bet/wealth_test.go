package bet_test

import (
	"math"
	"testing"

	"serin.dev/serin/internal/judge/sequential/bet"
)

func TestWealthIsKeptWhenNothingHappens(t *testing.T) {
	prior := bet.Even(3)
	var w bet.Wealth
	w.Stake(2, prior)
	for k := range 500 {
		w.Play([]float64{0, 0, 0}, prior, float64(k), float64(k+1))
	}
	if v := w.Value(); math.Abs(v-2) > 1e-9 {
		t.Errorf("2 became %.12f without any gain or loss", v)
	}
}

func TestLateStartsRecoverWhatGoodMinutesLost(t *testing.T) {
	prior := []float64{1}
	var w bet.Wealth
	w.Stake(1, prior)
	for k := range 720 {
		w.Play([]float64{-0.5}, prior, float64(5*k), float64(5*k+5))
	}
	looks := 0
	for ; w.Value() < 100 && looks < 100; looks++ {
		w.Play([]float64{0.5}, prior, float64(3600+5*looks), float64(3605+5*looks))
	}
	if looks > 30 {
		t.Errorf("after an hour of losses a gain of half a nat a look needs %d looks, want at most 30", looks)
	}
}

func TestWealthStaysANumber(t *testing.T) {
	prior := bet.Even(2)
	var w bet.Wealth
	w.Stake(1, prior)
	for k := range 50 {
		w.Play([]float64{1e18, -1e18}, prior, float64(k), float64(k+1))
	}
	w.Scale(1e300)
	if v := w.Value(); math.IsInf(v, 0) || math.IsNaN(v) {
		t.Errorf("wealth is %g", v)
	}
	if w.Cap(10); math.Abs(w.Value()-10) > 1e-9 {
		t.Errorf("capped at 10: %g", w.Value())
	}
}
