package bet_test

import (
	"math"
	"testing"

	"serin.dev/serin/internal/judge/sequential/bet"
)

// shapes are bets on two bounds: everything slower, the tail alone, a wrong idea of stable, and one that tolerates nothing.
func shapes() map[string]bet.Shape {
	tolerant := []bet.Margin{{Ratio: 1.05, Plus: 0.04}, {Ratio: 1.1, Plus: 0.01}}
	return map[string]bet.Shape{
		"all":     {Margins: tolerant, Edge: []float64{0.4, 0.05}, Worse: []float64{0.5, 0.09}},
		"tail":    {Margins: tolerant, Edge: []float64{0.4, 0.05}, Worse: []float64{0.43, 0.3}},
		"wild":    {Margins: tolerant, Edge: []float64{0.4, 1e-6}, Worse: []float64{0.999, 0.9}},
		"neither": {Margins: tolerant, Edge: []float64{0.4, 0.05}, Worse: []float64{0.4, 0.05}},
		"falling": {Margins: tolerant, Edge: []float64{0.4, 0.05}, Worse: []float64{0.3, 0.01}},
		"blunt":   {Margins: tolerant, Edge: []float64{1, 0.05}, Worse: []float64{1, 0.3}},
		"strict":  {Margins: []bet.Margin{{Ratio: 1}, {Ratio: 1}}, Edge: []float64{0.3, 0.03}, Worse: []float64{0.5, 0.1}},
		"double":  {Margins: []bet.Margin{{Ratio: 2}, {Ratio: 2.5, Plus: 0.1}}, Edge: []float64{0.6, 0.3}, Worse: []float64{0.9, 0.6}},
	}
}

func TestBetsOnShapesAreFairWhereTheReleaseIsTolerated(t *testing.T) {
	largest := 0.0
	for name, shape := range shapes() {
		for _, size := range [][2]int{{1, 9}, {5, 20}, {12, 12}, {20, 4}} {
			for _, sb := range [][2]float64{{0, 0}, {0.01, 0}, {0.3, 0.03}, {0.342, 0.036}, {0.4, 0.4}, {0.9, 0.2}, {1, 1}} {
				edge := func(i int) float64 { return math.Min(1, shape.Margins[i].Ratio*sb[i]+shape.Margins[i].Plus) }
				first := edge(0)
				for _, sc := range [][2]float64{{first, math.Min(first, edge(1))}, {first, 0}, {sb[0] / 2, sb[1] / 2}, {0, 0}} {
					got := meanShape(size, sc, sb, shape)
					largest = math.Max(largest, got)
					if !(got <= unfair) {
						t.Errorf("%s, sizes %v, shares beyond %v and %v: mean %.12f", name, size, sc, sb, got)
					}
				}
			}
		}
	}
	if largest < 0.99 {
		t.Errorf("largest mean %g: the bets give away too much", largest)
	}
}

// meanShape sums the factor over all outcomes of one look with three cells in each arm.
func meanShape(size [2]int, sc, sb [2]float64, s bet.Shape) float64 {
	sum, scratch := 0.0, make([]float64, 3)
	each(size[0], sc, func(c [2]float64, wc float64) {
		each(size[1], sb, func(b [2]float64, wb float64) {
			counts := bet.Spread{NC: float64(size[0]), NB: float64(size[1]), BeyondC: c[:], BeyondB: b[:]}
			sum += wc * wb * math.Exp(bet.Slower(counts, s, scratch))
		})
	})
	return sum
}

// each tells every outcome of n requests with its probability.
func each(n int, beyond [2]float64, tell func([2]float64, float64)) {
	for first := 0; first <= n; first++ {
		p := binomial(n, first, beyond[0])
		if p == 0 {
			continue
		}
		for second := 0; second <= first; second++ {
			within := 0.0
			if beyond[0] > 0 {
				within = math.Min(1, beyond[1]/beyond[0])
			}
			if q := binomial(first, second, within); q > 0 {
				tell([2]float64{float64(first), float64(second)}, p*q)
			}
		}
	}
}

// On the alternative a bet on the shape gains more than the best bet on a single bound.
func TestShapesGainMoreThanSingleBounds(t *testing.T) {
	stable, edge, worse := []float64{0.917, 0.328, 0.0334, 0.0006}, []float64{0.9426, 0.399, 0.0503, 0.0012}, []float64{0.9666, 0.5, 0.083, 0.0028}
	margins := make([]bet.Margin, len(stable))
	for i := range margins {
		margins[i] = bet.Margin{Ratio: 1, Plus: edge[i] - stable[i]}
	}
	at := func(from, to int) float64 {
		s := bet.Shape{Margins: margins[from:to], Edge: edge[from:to], Worse: worse[from:to]}
		c := bet.Spread{NC: 100, NB: 900}
		for i := from; i < to; i++ {
			c.BeyondC, c.BeyondB = append(c.BeyondC, 100*worse[i]), append(c.BeyondB, 900*stable[i])
		}
		return bet.Slower(c, s, make([]float64, 8)) / 100
	}
	whole, best := at(0, 4), 0.0
	for i := range stable {
		best = math.Max(best, at(i, i+1))
	}
	if whole < 1.1*best || whole < 0.02 {
		t.Errorf("%.4f nats a request on the whole shape, %.4f on the best bound", whole, best)
	}
}

// Inverting the bet for an interval needs that it loses when more is tolerated, whatever was counted.
func TestWealthOnAShapeFallsAsMoreIsTolerated(t *testing.T) {
	for _, c := range []bet.Spread{
		{NC: 50, NB: 450, BeyondC: []float64{30, 8}, BeyondB: []float64{150, 15}},
		{NC: 50, NB: 450, BeyondC: []float64{10, 0}, BeyondB: []float64{200, 40}},
		{NC: 200, NB: 50, BeyondC: []float64{90, 30}, BeyondB: []float64{10, 1}},
	} {
		last := math.Inf(1)
		for plus := 0.0; plus < 0.1; plus += 0.002 {
			margins := []bet.Margin{{Ratio: 1.05, Plus: plus}, {Ratio: 1.1, Plus: plus / 4}}
			s := bet.Shape{Margins: margins, Edge: []float64{0.4, 0.05}, Worse: []float64{0.5, 0.12}}
			log := bet.Slower(c, s, make([]float64, 3))
			if log > last+1e-12 {
				t.Fatalf("%v: log wealth rises to %g when %g more is tolerated", c, log, plus)
			}
			last = log
		}
	}
}
