package sequential

import (
	"math"

	"serin.dev/serin/internal/judge/sequential/bet"
)

// promise tests one absolute objective on the canary: null, its rate of bad requests is at most Limit.
//
// What stable cannot keep either is not charged to the canary: the limit is at least twice stable's recent rate, and
// the test stands still while stable itself breaks the promise.
type promise struct {
	Held   bet.Wealth `json:"held"`
	Recent decayed    `json:"recent"` // stable's rate over the last minutes
	Alarm  float64    `json:"alarm"`  // CUSUM of stable against the limit, in nats
	N      float64    `json:"n"`
	X      float64    `json:"x"`
	NB     float64    `json:"nb"`
	XB     float64    `json:"xb"`
	Range  oneRate    `json:"range"`
	logs   []float64
}

// stableBroken is the CUSUM beyond which stable breaks the promise itself.
const stableBroken = 2.302585 // ln 10

// play takes the counts of one look; allowed is the share of bad requests the objective allows.
func (p *promise) play(r *rules, c bet.Pair, allowed, burst, from, to float64) {
	limit := min(0.9, max(allowed, 2*p.Recent.X/max(p.Recent.N, 100)))
	if c.NB > 0 {
		p.Alarm = max(0, p.Alarm+bet.Above(c.NB, c.XB, allowed, 3))
		p.Alarm = min(p.Alarm, 4*stableBroken)
		p.Recent.add(c.NB, c.XB, to-from, 300)
		p.NB, p.XB = p.NB+c.NB, p.XB+c.XB
	}
	if c.NC == 0 {
		return
	}
	p.N, p.X = p.N+c.NC, p.X+c.XC
	p.Range.observe(c.NC, c.XC, burst)
	if p.Alarm > stableBroken {
		return
	}
	p.logs = p.logs[:0]
	for _, kappa := range r.kappas {
		p.logs = append(p.logs, bet.Above(c.NC, c.XC, limit, kappa)/burst)
	}
	p.Held.Play(p.logs, r.prior, from, to)
}

// oneRate is an always-valid interval of one rate, by bets against a ladder of rates.
type oneRate struct {
	Above [rateRungs][2]float64 `json:"above"` // log wealth of bets that the rate is larger than the rung
	Below [rateRungs][2]float64 `json:"below"`
}

const rateRungs = 21 // from 0.01 % to 63 %, a factor 10^(1/5) apart

func rateRung(i int) float64 { return min(0.99, 1e-4*math.Pow(10, float64(i)*0.19)) }

func (o *oneRate) observe(n, x, burst float64) {
	for i := range rateRungs {
		p := rateRung(i)
		for j, kappa := range [2]float64{1.5, 4} {
			o.Above[i][j] += bet.Above(n, x, p, kappa) / burst
			o.Below[i][j] += bet.Above(n, x, p, 1/kappa) / burst
		}
	}
}

// limits returns the rates that cannot be excluded when each side may err with probability miss.
func (o *oneRate) limits(miss float64) (low, high float64) {
	need := math.Log(2 / miss)
	low, high = 0, 1
	for i := 0; i < rateRungs && max(o.Above[i][0], o.Above[i][1]) >= need; i++ {
		low = rateRung(i)
	}
	for i := rateRungs - 1; i >= 0 && max(o.Below[i][0], o.Below[i][1]) >= need; i-- {
		high = rateRung(i)
	}
	return low, max(low, high)
}
