package sequential

import (
	"math"

	"serin.dev/serin/internal/judge/sequential/bet"
)

// A clearance is the evidence that the canary is not harmful: an average of bets with different caution.
type clearance struct {
	Logs [6]float64 `json:"logs"` // log wealth of each bet
	Log  float64    `json:"log"`  // of their average
}

func cautions() [6]float64 { return [6]float64{0.1, 0.3, 0.45, 0.6, 0.75, 0.9} }

// spare is how far a clearance may rise above what a pass needs, in nats: more would only delay the notice of late harm.
const spare = 4.0

func (c *clearance) play(p bet.Pair, harm bet.Margin, burst float64, r *rules) {
	for i, a := range r.cautions {
		c.Logs[i] += bet.HarmlessInBursts(p, harm, a, burst)
	}
	c.cap(r.clearMost)
}

// cap throws away what exceeds most, in nats.
func (c *clearance) cap(most float64) {
	if c.Log = c.average(); c.Log > most {
		for i := range c.Logs {
			c.Logs[i] -= c.Log - most
		}
		c.Log = most
	}
	for i := range c.Logs {
		c.Logs[i] = max(c.Logs[i], -1e6)
	}
}

// log is the log of the average wealth.
func (c *clearance) log() float64 { return c.Log }

func (c *clearance) average() float64 {
	top := c.Logs[0]
	for _, l := range c.Logs {
		top = max(top, l)
	}
	sum := 0.0
	for _, l := range c.Logs {
		if l > top-40 { // less is lost in rounding
			sum += math.Exp(l - top)
		}
	}
	return top + math.Log(sum/float64(len(c.Logs)))
}

// more estimates how many canary requests a pass still needs if the canary fails at rate p like stable, which has
// per times its traffic; 0 if no number will do.
func (c *clearance) more(need, p, per float64, harm bet.Margin, burst float64) float64 {
	if more := needed(max(0, need-c.log()), p, per, harm, burst); !math.IsInf(more, 1) {
		return more
	}
	return 0
}

// needed is how many canary requests it takes until the log evidence has grown that much.
func needed(log, p, per float64, harm bet.Margin, burst float64) float64 {
	gain := 0.0
	for _, a := range cautions() {
		gain = max(gain, p*math.Log(a)+p*per*math.Log1p(harm.Ratio*(1-a)/per)+harm.Plus*(1-a))
	}
	if gain <= 0 {
		return math.Inf(1)
	}
	return log / gain * burst
}

// A total is what was compared so far, weighed so that looks with different weights may be added (Mantel, Haenszel).
type total struct {
	C      float64 `json:"c"`
	B      float64 `json:"b"`
	Weight float64 `json:"weight"` // of one event
}

func (t *total) weigh(p bet.Pair) {
	if all := p.NC + p.NB; all > 0 {
		t.C += p.XC * p.NB / all
		t.B += p.XB * p.NC / all
		t.Weight += p.NC * p.NB / all
	}
}

// ratio of the canary's rate to stable's, drawn a little towards 1 so that it is always a number.
func (t *total) ratio() float64 {
	draw := min(0.5, t.Weight/2)
	if draw == 0 {
		return 1
	}
	return (t.C + draw) / (t.B + draw)
}
