package bet

import "math"

// Spread counts are what both arms answered in the same interval, by how slow it was: Beyond are the requests slower than each
// of some ascending bounds, so they fall.
type Spread struct {
	NC, NB  float64
	BeyondC []float64
	BeyondB []float64
}

// A Shape is a bet on a whole distribution: Edge is the share of the canary's requests expected beyond each bound at the edge
// of what Margins tolerate, Worse the share beyond it that is bet on.
type Shape struct {
	Margins []Margin // of the share beyond each bound
	Edge    []float64
	Worse   []float64
}

// leastLoss is the least multiplier of a request: below it a look could ruin a bet.
const leastLoss = 0.05

// Slower is the log factor of the bet that the canary's latency is distributed like Worse: null, its share beyond every bound
// is at most what the margin of that bound allows of stable's share beyond it, S_c <= ratio S_b + plus.
//
// A request of the canary in cell k between bounds multiplies the wealth by a_k, one of stable by b_k. Where a rises with k,
// the mean A of a request of the canary is, over the null, at most a_0 + sum_i (a_i+1 - a_i)(ratio_i S_b,i + plus_i). The b_k
// are chosen so that n_b (B-1) = -n_c for that bound whatever S_b is; with 1+z <= e^z the mean of the factor is at most
// exp[n_c (A-1) + n_b (B-1)] = 1. So a may be anything that rises. It is the likelihood ratio of Worse against its projection
// on the null, drawn as the mixture of both arms (exact where the margins tolerate nothing).
//
// Into is scratch for at least one number more than there are bounds.
func Slower(c Spread, s Shape, into []float64) float64 {
	if c.NC <= 0 || c.NB <= 0 || len(s.Edge) == 0 {
		return 0
	}
	a := s.multipliers(c, into[:len(s.Edge)+1])
	u := c.NC / c.NB
	first, fall := a[0]-1, 0.0
	for i, m := range s.Margins {
		first += (a[i+1] - a[i]) * m.Plus
		fall += (a[i+1] - a[i]) * m.Ratio
	}
	least := 1 - u*(first+fall)
	caution := 1.0
	if least < leastLoss {
		caution = (1 - leastLoss) / (1 - least)
	}
	b, up := 1-caution*u*first, 1+caution*(a[0]-1)
	log, gain := (c.NC-c.BeyondC[0])*math.Log(up)+(c.NB-c.BeyondB[0])*math.Log(b), 0.0
	for i, m := range s.Margins {
		inC, inB := c.BeyondC[i], c.BeyondB[i]
		if i+1 < len(s.Margins) {
			inC, inB = inC-c.BeyondC[i+1], inB-c.BeyondB[i+1]
		}
		b -= caution * u * (a[i+1] - a[i]) * m.Ratio
		if inC > 0 {
			gain += inC * math.Log(1+caution*(a[i+1]-1))
		}
		if inB > 0 {
			gain += inB * math.Log(max(b, tiny))
		}
	}
	return log + gain
}

// multipliers of the canary's requests by cell, rising, with a mean near 1 at the projection on the null.
func (s *Shape) multipliers(c Spread, a []float64) []float64 {
	mean, highest := 0.0, leastLoss
	for k := range a {
		edge, worse := cell(s.Edge, k), cell(s.Worse, k)
		u := c.NC / c.NB
		if k > 0 {
			u *= s.Margins[k-1].Ratio
		}
		near := (edge + u*worse) / (1 + u)
		if near > 0 {
			highest = max(highest, worse/near)
		}
		a[k] = highest
		mean += near * highest
	}
	if mean <= 0 {
		for k := range a {
			a[k] = 1
		}
		return a
	}
	for k := range a {
		a[k] /= mean
	}
	return a
}

// cell is the share between two bounds, of shares beyond them.
func cell(beyond []float64, k int) float64 {
	share := 1.0
	if k > 0 {
		share = beyond[k-1]
	}
	if k < len(beyond) {
		share -= beyond[k]
	}
	return max(0, share)
}
