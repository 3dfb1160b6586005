package bet

import "math"

// burstBet caps the bets on events that come in bursts: up to it a geometric tail has a mean.
const burstBet = 5.0

// WorseInBursts is Worse for events that arrive in independent bursts whose sizes have a variance-to-mean ratio of their
// counts of phi: bursts of any sizes up to phi, or of geometric size with that ratio, in either arm.
//
// An event multiplies the wealth by a^(1/phi) on the canary. What it may gain per event at most, over both kinds of
// bursts, is paid for by the smallest loss per event on stable, so the mean is at most 1 as in Worse.
func WorseInBursts(c Pair, m Margin, kappa, guess, phi float64) float64 {
	if phi <= 1 {
		return Worse(c, m, kappa, guess)
	}
	if c.NC <= 0 || c.NB <= 0 {
		return 0
	}
	u := m.Ratio * c.NC / c.NB
	a := min(stakeOn(u, m, kappa, guess), burstBet)
	// The loss on stable is at most 1/phi per event.
	for 1.1*u*gainInBursts(a, phi)*phi >= 1 {
		a = 1 + (a-1)/2
	}
	gain := gainInBursts(a, phi)
	return c.XC*math.Log(a)/phi + c.XB*math.Log(loseInBursts(u*gain, phi)) - c.NC*m.Plus*gain
}

// HarmlessInBursts is Harmless for the same bursts.
func HarmlessInBursts(c Pair, m Margin, a, phi float64) float64 {
	if phi <= 1 || c.NC <= 0 {
		return Harmless(c, m, a)
	}
	mean := (phi + 1) / 2
	each := math.Pow(a, 1/phi)
	loss := min((1-a)/phi, (1-each)/(mean-(mean-1)*each))
	log := c.XC*math.Log(each) + c.NC*m.Plus*loss
	if c.NB > 0 {
		gain := m.Ratio * c.NC / c.NB * loss
		log += c.XB * min(math.Log1p(phi*gain)/phi, math.Log((1+gain*mean)/(1+gain*(mean-1))))
	}
	return log
}

// gainInBursts is the largest mean gain per event when every event multiplies by a^(1/phi), a > 1.
func gainInBursts(a, phi float64) float64 {
	mean := (phi + 1) / 2 // of geometric bursts with that variance
	each := math.Pow(a, 1/phi)
	return max((a-1)/phi, (each-1)/(mean-(mean-1)*each))
}

// loseInBursts is the multiplier per event, below 1, whose mean loss per event is at least loss for both kinds of bursts.
func loseInBursts(loss, phi float64) float64 {
	mean := (phi + 1) / 2
	return min(math.Pow(1-phi*loss, 1/phi), (1-loss*mean)/(1-loss*(mean-1)))
}
