package bet

import "math"

// The interval tests these ratios of canary to stable, and interpolates between them. Outside it says Least or Most.
const (
	Least = 0.01
	Most  = 100.0
	rungs = 25 // of the ladder from Least to Most, evenly spaced in logarithms
	sides = 3  // bets per ratio and direction
)

// An Interval is an always-valid confidence interval of the ratio of two rates: at every ratio of a ladder it keeps a
// bet that the true ratio is larger, and one that it is smaller; a ratio is excluded once such a bet is rich. Because
// wealth falls monotonically along the ladder, the excluded ratios form two ends.
type Interval struct {
	Larger  [rungs][sides]float64 `json:"larger"`  // log wealth of bets that the ratio is larger than the rung
	Smaller [rungs][sides]float64 `json:"smaller"` // and smaller
	ceiling [rungs]float64
}

// step is the distance of rungs in logarithms: ln(Most/Least) over the number of gaps.
const step = 9.210340371976184 / (rungs - 1)

// rung is the ratio at a place of the ladder, which may lie between rungs.
func rung(i float64) float64 { return Least * math.Exp(i*step) }

// Observe lets every bet play one look, tempered by the power 1/burst.
func (v *Interval) Observe(c Pair, burst float64) {
	if c.NC <= 0 || c.NB <= 0 || c.XC+c.XB == 0 {
		return // without an absolute margin, a look without failures is worth nothing
	}
	larger := [sides]float64{1.3, 2, 6}
	smaller := [sides]float64{0.3, 0.6, 0.85}
	logLarger := [sides]float64{0.26236426446749106, math.Ln2, 1.791759469228055}
	logSmaller := [sides]float64{-1.2039728043259361, -0.5108256237659907, -0.16251892949777494}
	share, temper := c.NC/c.NB, 1/burst
	events := c.XC + c.XB
	for i := range rungs {
		if v.ceiling[i] == 0 {
			v.ceiling[i] = rung(float64(i))
		}
		u := v.ceiling[i] * share
		if alive(&v.Larger[i]) {
			all := events * math.Log1p(u)
			for j, kappa := range larger {
				v.Larger[i][j] += temper * (c.XC*logLarger[j] + all - events*math.Log1p(kappa*u))
			}
		}
		if alive(&v.Smaller[i]) {
			for j, kappa := range smaller {
				log := c.XC * logSmaller[j]
				if c.XB > 0 {
					log += c.XB * math.Log1p(u*(1-kappa))
				}
				v.Smaller[i][j] += temper * log
			}
		}
	}
}

// ruined is the log wealth at which the bets of a rung are given up, and far is the one beyond which they are not asked any more:
// neither will come back, and leaving them saves most of the work.
const (
	ruined = -60.0
	far    = 60.0
)

func alive(logs *[sides]float64) bool {
	b := best(*logs)
	return b > ruined && b < far
}

// Limits returns the ratios that cannot be excluded when each side may err with probability miss.
func (v *Interval) Limits(miss float64) (low, high float64) {
	need := math.Log(sides / miss)
	low, high = Least, Most
	i := 0
	for i < rungs && best(v.Larger[i]) >= need {
		i++
	}
	if i > 0 {
		low = crossing(i-1, i, v.Larger[:], need)
	}
	for i = rungs; i > 0 && best(v.Smaller[i-1]) >= need; {
		i--
	}
	if i < rungs {
		high = crossing(i, i-1, v.Smaller[:], need)
	}
	return low, max(low, high)
}

// crossing is where the log wealth passes need between an excluded rung and its neighbour, interpolated linearly.
func crossing(out, in int, wealth [][sides]float64, need float64) float64 {
	if in < 0 || in >= rungs {
		return rung(float64(out))
	}
	above, below := best(wealth[out])-need, need-best(wealth[in])
	if below < 0 {
		return rung(float64(out))
	}
	part := above / max(above+below, tiny)
	return rung(float64(out) + part*float64(in-out))
}

func best(logs [sides]float64) float64 {
	return max(logs[0], logs[1], logs[2])
}
