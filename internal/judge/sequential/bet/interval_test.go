package bet_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mathext"
	"serin.dev/serin/internal/judge/sequential/bet"
)

// Inversion by bisection or by a ladder needs that a bet on "larger" loses when the tested ratio grows.
func TestWealthFallsAsTheTestedRatioGrows(t *testing.T) {
	for _, c := range []bet.Pair{{NC: 50, XC: 3, NB: 450, XB: 5}, {NC: 900, XC: 1, NB: 100, XB: 2}, {NC: 10, XC: 9, NB: 10, XB: 1}, {NC: 30, NB: 30, XB: 4}} {
		for _, kappa := range []float64{1.3, 2, 6} {
			last := math.Inf(1)
			for ratio := 0.05; ratio < 60; ratio *= 1.07 {
				log := bet.Worse(c, bet.Margin{Ratio: ratio}, kappa, 0.01)
				if log > last+1e-12 {
					t.Fatalf("%v, kappa %g: log wealth rises to %g at ratio %g", c, kappa, log, ratio)
				}
				last = log
			}
		}
	}
}

func TestIntervalCoversTheTruthAtAllLooksAtOnce(t *testing.T) {
	const releases, looks = 400, 200
	for _, truth := range []float64{0.5, 1, 4} {
		missed := 0
		for n := range releases {
			dice := rand.New(rand.NewPCG(11, uint64(n)))
			var v bet.Interval
			for k := range looks {
				pb := 0.004 * (1 + 3*math.Abs(math.Sin(float64(k)/9))) // the common rate moves
				v.Observe(bet.Pair{NC: 80, XC: draw(dice, 80, truth*pb), NB: 400, XB: draw(dice, 400, pb)}, 1)
				if low, high := v.Limits(0.025); low > truth || high < truth {
					missed++
					break
				}
			}
		}
		if missed > releases*5/100 {
			t.Errorf("ratio %g: %d of %d intervals missed it at some look, want at most 5 %%", truth, missed, releases)
		}
	}
}

func TestIntervalNarrowsOnTheTruth(t *testing.T) {
	var v bet.Interval
	if low, high := v.Limits(0.025); low != bet.Least || high != bet.Most {
		t.Fatalf("before any look: %g to %g", low, high)
	}
	for range 400 {
		v.Observe(bet.Pair{NC: 100, XC: 3, NB: 900, XB: 9}, 1)
	}
	low, high := v.Limits(0.025)
	if low < 2 || low > 3 || high < 3 || high > 4.5 {
		t.Errorf("after 1,200 against 3,600 failures at a ratio of 3: %g to %g", low, high)
	}
}

// The one-sided Beta-binomial form is the exact mixture over all alternatives at a constant share of the traffic.
func TestClosedFormAgreesWithIntegrationAndWithTheMixture(t *testing.T) {
	kappas := bet.Doubling(1.5, 800)
	prior := bet.Even(len(kappas))
	for _, c := range []bet.Pair{{NC: 1000, XC: 20, NB: 9000, XB: 45}, {NC: 3000, XC: 60, NB: 9000, XB: 60}, {NC: 500, XC: 3, NB: 4500, XB: 27}} {
		u := c.NC / c.NB
		theta := u / (1 + u)
		r, q := 1.5, 1.5/u
		closed := closedForm(c.XC, c.XB, r, q, theta)
		lbeta := func(a, b float64) float64 {
			x, _ := math.Lgamma(a)
			y, _ := math.Lgamma(b)
			z, _ := math.Lgamma(a + b)
			return x + y - z
		}
		norm := math.Exp(lbeta(r, q)) * (1 - mathext.RegIncBeta(r, q, theta))
		integral := quad.Fixed(func(p float64) float64 {
			log := c.XC*math.Log(p/theta) + c.XB*math.Log((1-p)/(1-theta)) + (r-1)*math.Log(p) + (q-1)*math.Log(1-p)
			return math.Exp(log) / norm
		}, theta, 1, 4000, nil, 0)
		if math.Abs(math.Log(integral)-closed) > 1e-6 {
			t.Errorf("%v: closed form %g, integral %g", c, closed, math.Log(integral))
		}
		mixture := 0.0
		for j, kappa := range kappas {
			mixture += prior[j] * math.Exp(bet.Worse(c, bet.Margin{Ratio: 1}, kappa, 0.01))
		}
		if gap := math.Abs(math.Log(mixture) - closed); closed > 3 && gap > 2 {
			t.Errorf("%v: mixture over doubling alternatives %g, over all of them %g", c, math.Log(mixture), closed)
		}
	}
}

func closedForm(xc, xb, r, q, theta float64) float64 {
	lg := func(x float64) float64 { v, _ := math.Lgamma(x); return v }
	s := xc + xb
	return lg(r+xc) + lg(q+xb) - lg(r+q+s) - (lg(r) + lg(q) - lg(r+q)) - xc*math.Log(theta) - xb*math.Log(1-theta) +
		math.Log(1-mathext.RegIncBeta(r+xc, q+xb, theta)) - math.Log(1-mathext.RegIncBeta(r, q, theta))
}

func draw(dice *rand.Rand, n int, p float64) (x float64) {
	for range n {
		if dice.Float64() < p {
			x++
		}
	}
	return x
}
