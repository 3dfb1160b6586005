package bet

import "math"

// A Pair is what both arms answered in the same interval: requests N and failures X of canary (C) and stable (B).
type Pair struct {
	NC, XC float64
	NB, XB float64
}

// A Margin bounds the canary's rate by the stable one: Ratio times it, plus Plus.
type Margin struct {
	Ratio float64 // 1.1 tolerates a tenth more
	Plus  float64 // absolute, per request: 0.0002 is 0.02 percentage points
}

// tiny keeps logarithms finite.
const tiny = 1e-300

// Worse is the log factor of the bet that the canary fails kappa times as often as margin m tolerates.
//
// It is exp[x_c ln a + x_b ln b - n_c plus (a-1)] with b = 1-u(a-1), u = ratio n_c/n_b. With 1+z <= e^z its mean is at
// most exp{p_b [n_c ratio (a-1) + n_b (b-1)]} = 1 for every count no more dispersed than Poisson. The choice of a moves
// power only: guess is an estimate of the stable rate from earlier looks.
func Worse(c Pair, m Margin, kappa, guess float64) float64 {
	if c.NC <= 0 || c.NB <= 0 {
		return 0
	}
	u := m.Ratio * c.NC / c.NB
	a := stakeOn(u, m, kappa, guess)
	b := 1 - u*(a-1)
	if b <= 0 { // only by rounding: the root keeps a below 1+1/u
		return 0
	}
	return c.XC*math.Log(a) + c.XB*math.Log(b) - c.NC*m.Plus*(a-1)
}

// stakeOn is the multiplier per failure of the canary that gains most if it fails kappa times as often as tolerated.
func stakeOn(u float64, m Margin, kappa, guess float64) float64 {
	if m.Plus == 0 {
		return kappa * (1 + u) / (1 + kappa*u)
	}
	eta := m.Plus / (m.Ratio*guess + m.Plus)
	half := kappa*u + 1 + eta*u
	root := math.Sqrt(max(0, half*half-4*eta*u*kappa*(1+u)))
	return 2 * kappa * (1 + u) / (half + root) // the smaller root, without cancellation
}

// WorseExact is Worse for failures that are not rare: the likelihood ratio of the alternative (kappa in odds above the
// boundary at guess) against the point of the boundary nearest to it in Kullback-Leibler divergence.
//
// The projection makes it fair for Binomial counts at every rate: n_c ln A(p_c) + n_b ln B(p_b) is concave on the
// convex null, and its gradient condition at the projection is the projection's own, where the sum is 0. The guess is
// capped at 0.9(1-plus)/ratio, because near ratio*p_b = 1 the boundary leaves the unit square.
func WorseExact(c Pair, m Margin, kappa, guess float64) float64 {
	if c.NC <= 0 || c.NB <= 0 || m.Plus >= 1 {
		return 0
	}
	pb := min(max(guess, 1e-6), 0.9*(1-m.Plus)/m.Ratio)
	edge := m.Ratio*pb + m.Plus
	pc := kappa * edge / (1 - edge + kappa*edge)
	qb := project(c, m, pc, pb)
	qc := m.Ratio*qb + m.Plus
	return likelihood(c.XC, c.NC, pc, qc) + likelihood(c.XB, c.NB, pb, qb)
}

// project finds the stable rate of the boundary point nearest to (pc, pb). Without an absolute margin the condition is
// a quadratic; with one it is solved by Newton's steps between pb and the rate whose boundary is pc, where it changes sign, and
// by bisection where those leave the interval.
func project(c Pair, m Margin, pc, pb float64) float64 {
	if m.Plus == 0 {
		half := c.NC*(m.Ratio+pc) + c.NB*(1+m.Ratio*pb)
		last := c.NC*pc + c.NB*pb
		root := math.Sqrt(max(0, half*half-4*m.Ratio*(c.NC+c.NB)*last))
		return 2 * last / (half + root)
	}
	low, high := pb, min((pc-m.Plus)/m.Ratio, 1)
	q := min(max((c.NC*(pc-m.Plus)/m.Ratio+c.NB*pb)/(c.NC+c.NB), low), high)
	for range 60 {
		qc := m.Ratio*q + m.Plus
		slope := c.NC*m.Ratio*(qc-pc)*q*(1-q) + c.NB*(q-pb)*qc*(1-qc)
		if slope < 0 {
			low = q
		} else {
			high = q
		}
		bend := c.NC*m.Ratio*(m.Ratio*q*(1-q)+(qc-pc)*(1-2*q)) + c.NB*(qc*(1-qc)+(q-pb)*m.Ratio*(1-2*qc))
		next := q - slope/bend
		if !(next > low && next < high) {
			next = (low + high) / 2
		}
		if math.Abs(next-q) <= 1e-14*q {
			break
		}
		q = next
	}
	return q
}

// Harmless is the log factor of the bet, with 0 < a < 1, that the canary fails less than margin m calls harmful: null
// p_c >= ratio p_b + plus. The proof is that of Worse with the signs turned.
func Harmless(c Pair, m Margin, a float64) float64 {
	if c.NC <= 0 {
		return 0
	}
	log := c.NC * m.Plus * (1 - a)
	if c.XC > 0 {
		log += c.XC * math.Log(a)
	}
	if c.NB > 0 && c.XB > 0 {
		log += c.XB * math.Log1p(m.Ratio*c.NC/c.NB*(1-a))
	}
	return log
}

// Above is the log factor of the bet that a rate is kappa times in odds above most: null p <= most.
func Above(n, x, most, kappa float64) float64 {
	if n <= 0 || most >= 1 {
		return 0
	}
	p := kappa * most / (1 - most + kappa*most)
	return likelihood(x, n, p, most)
}

// likelihood is the log ratio of x of n under p against q. With x > 0 and q = 0 it would be infinite; rates are kept
// from the ends.
func likelihood(x, n, p, q float64) float64 {
	p, q = max(p, tiny), max(q, tiny)
	return x*math.Log(p/q) + (n-x)*math.Log((1-p)/(1-q))
}
