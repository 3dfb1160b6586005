package bet_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"serin.dev/serin/internal/judge/sequential/bet"
)

// The tests here sum exactly over all outcomes of one look. A mean above 1, beyond nine digits, is an unfair bet.
const unfair = 1 + 1e-9

// factor is one way to bet; it returns the log factor of an outcome.
type factor struct {
	name string
	of   func(c bet.Pair, m bet.Margin) float64
}

func rollback() []factor {
	var all []factor
	for _, kappa := range []float64{1.5, 6, 96} {
		for _, guess := range []float64{0.0005, 0.05, 0.5} {
			all = append(all,
				factor{fmt.Sprintf("worse %g guess %g", kappa, guess), func(c bet.Pair, m bet.Margin) float64 {
					return bet.Worse(c, m, kappa, guess)
				}},
				factor{fmt.Sprintf("in bursts %g guess %g", kappa, guess), func(c bet.Pair, m bet.Margin) float64 {
					return bet.WorseInBursts(c, m, kappa, guess, 3)
				}},
				factor{fmt.Sprintf("exact %g guess %g", kappa, guess), func(c bet.Pair, m bet.Margin) float64 {
					return bet.WorseExact(c, m, kappa, guess)
				}})
		}
	}
	return all
}

func sizes() [][2]int { return [][2]int{{1, 10}, {7, 60}, {30, 30}, {90, 10}} }

func margins() []bet.Margin {
	return []bet.Margin{{Ratio: 1}, {Ratio: 1.1, Plus: 0.0002}, {Ratio: 1.5, Plus: 0.02}, {Ratio: 2.4}}
}

func stableRates() []float64 { return []float64{0, 0.0004, 0.01, 0.2, 0.5, 0.8, 1} }

func TestRollbackBetsAreFairWhereTheReleaseIsTolerated(t *testing.T) {
	largest := 0.0
	for _, f := range rollback() {
		for _, size := range sizes() {
			for _, m := range margins() {
				for _, pb := range stableRates() {
					edge := math.Min(1, m.Ratio*pb+m.Plus)
					for _, pc := range []float64{edge, edge / 2} {
						got := mean(size, pc, pb, func(c bet.Pair) float64 { return f.of(c, m) })
						largest = math.Max(largest, got)
						if got > unfair {
							t.Errorf("%s, sizes %v, margin %v, rates %g and %g: mean %.12f", f.name, size, m, pc, pb, got)
						}
					}
				}
			}
		}
	}
	if largest < 0.999 {
		t.Errorf("largest mean %g: the bets give away too much", largest)
	}
}

func TestPromotionBetsAreFairWhereTheReleaseIsHarmful(t *testing.T) {
	largest := 0.0
	for _, a := range []float64{0.1, 0.45, 0.9} {
		for _, size := range sizes() {
			for _, m := range []bet.Margin{{Ratio: 1.5, Plus: 0.005}, {Ratio: 1.5}, {Ratio: 3, Plus: 0.02}} {
				for _, pb := range []float64{0, 0.001, 0.02, 0.1, 0.3} {
					edge := m.Ratio*pb + m.Plus
					for _, pc := range []float64{edge, math.Min(1, 1.5*edge)} {
						got := mean(size, pc, pb, func(c bet.Pair) float64 { return bet.Harmless(c, m, a) })
						largest = math.Max(largest, got)
						if got > unfair {
							t.Errorf("a %g, sizes %v, margin %v, rates %g and %g: mean %.12f", a, size, m, pc, pb, got)
						}
					}
				}
			}
		}
	}
	if largest < 0.99 {
		t.Errorf("largest mean %g: the bets give away too much", largest)
	}
}

func TestObjectiveBetsAreFairBelowTheLimit(t *testing.T) {
	for _, kappa := range []float64{1.5, 10, 700} {
		for _, most := range []float64{0.001, 0.05, 0.5} {
			for _, p := range []float64{0, most / 3, most} {
				got := 0.0
				for x := 0; x <= 40; x++ {
					got += binomial(40, x, p) * math.Exp(bet.Above(40, float64(x), most, kappa))
				}
				if got > unfair {
					t.Errorf("kappa %g, limit %g, rate %g: mean %.12f", kappa, most, p, got)
				}
			}
		}
	}
}

// Counts are compound Poisson: bursts of one size up to phi, or geometric ones whose variance is phi times their mean.
func TestBetsInBurstsAreFair(t *testing.T) {
	largest := 0.0
	for _, phi := range []float64{1.2, 2, 5, 10, 19} {
		for _, sizes := range []struct {
			name  string
			chunk []float64 // probability of a burst of size i+1
		}{
			{"all of size phi", point(int(phi))},
			{"single failures", point(1)},
			{"of size phi/2", point(max(1, int(phi)/2))},
			{"geometric", geometric((phi + 1) / 2)},
		} {
			for _, nc := range []float64{20, 200} {
				for _, bet := range burstBets(nc, phi) {
					got := bet.mean(nc, sizes.chunk)
					largest = math.Max(largest, got)
					if got > unfair {
						t.Errorf("phi %g, bursts %s, %s: mean %.12f", phi, sizes.name, bet.name, got)
					}
				}
			}
		}
	}
	if largest < 0.999999 {
		t.Errorf("largest mean %g: the bets give away too much", largest)
	}
}

// A burstBet is linear in the counts: a bet of 100 stable and nc canary requests at the edge of its margin.
type burstBet struct {
	name   string
	margin bet.Margin
	log    func(xc, xb float64) float64
}

const burstNB, burstRate = 100.0, 0.01

func (b burstBet) mean(nc float64, chunk []float64) float64 {
	zero := b.log(0, 0)
	pc := b.margin.Ratio*burstRate + b.margin.Plus
	return math.Exp(zero + bursts(nc*pc, chunk, b.log(1, 0)-zero) + bursts(burstNB*burstRate, chunk, b.log(0, 1)-zero))
}

func burstBets(nc, phi float64) []burstBet {
	var all []burstBet
	for _, m := range margins() {
		for _, kappa := range []float64{1.5, 3, 48} {
			all = append(all, burstBet{fmt.Sprintf("worse %g %v", kappa, m), m, func(xc, xb float64) float64 {
				return bet.WorseInBursts(bet.Pair{NC: nc, NB: burstNB, XC: xc, XB: xb}, m, kappa, 0.01, phi)
			}})
		}
		for _, a := range []float64{0.1, 0.5, 0.9} {
			all = append(all, burstBet{fmt.Sprintf("harmless %g %v", a, m), m, func(xc, xb float64) float64 {
				return bet.HarmlessInBursts(bet.Pair{NC: nc, NB: burstNB, XC: xc, XB: xb}, m, a, phi)
			}})
		}
	}
	return all
}

// bursts is the log mean of e^(slope x) for x compound Poisson with the given mean.
func bursts(mean float64, chunk []float64, slope float64) float64 {
	size, grown := 0.0, 0.0
	for i, p := range chunk {
		size += p * float64(i+1)
		grown += p * math.Exp(slope*float64(i+1))
	}
	return mean / size * (grown - 1)
}

func point(size int) []float64 {
	chunk := make([]float64, size)
	chunk[size-1] = 1
	return chunk
}

func geometric(mean float64) []float64 {
	chunk, left := make([]float64, 4000), 1.0
	for i := range chunk {
		chunk[i] = left / mean
		left *= 1 - 1/mean
	}
	return chunk
}

// mean sums a factor over all outcomes of one look.
func mean(size [2]int, pc, pb float64, log func(bet.Pair) float64) float64 {
	sum := 0.0
	for xc := 0; xc <= size[0]; xc++ {
		wc := binomial(size[0], xc, pc)
		if wc == 0 {
			continue
		}
		for xb := 0; xb <= size[1]; xb++ {
			wb := binomial(size[1], xb, pb)
			if wb == 0 {
				continue
			}
			c := bet.Pair{NC: float64(size[0]), XC: float64(xc), NB: float64(size[1]), XB: float64(xb)}
			sum += wc * wb * math.Exp(log(c))
		}
	}
	return sum
}

func binomial(n, x int, p float64) float64 {
	switch {
	case p == 0 && x == 0, p == 1 && x == n:
		return 1
	case p == 0 || p == 1:
		return 0
	}
	return distuv.Binomial{N: float64(n), P: p}.Prob(float64(x))
}
