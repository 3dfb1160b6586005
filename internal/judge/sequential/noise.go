package sequential

import "math"

// A record is what one pod has shown of one kind of event (failures, or requests slower than a bound) against what its
// share of each look's events would have been. Expecting look by look cancels what all pods share.
type record struct {
	Saw      float64 `json:"saw"`
	Expected float64 `json:"expected"`
}

// A cell is one stable pod in one look.
type cell struct {
	n, x   float64 // requests and events
	record *record // of the pod, so far
}

// Noise learns from stable pods how far events are from independent: whether they come in bursts. It compares pairs of
// events that met in the same pod and look with the pairs expected if each event chose its pod alone, by the traffic and the
// record of the pods. So neither a common outage nor lasting differences of pods look like bursts.
type noise struct {
	Same     float64 `json:"same"`     // pairs seen, each counted twice
	Expected float64 `json:"expected"` // pairs expected
	Variance float64 `json:"variance"` // of the pairs, if events were independent
	Scale    float64 `json:"scale"`    // pairs that one unit of extra burst size would have brought
	LoneN    float64 `json:"loneN"`    // the last look of a lone pod
	LoneX    float64 `json:"loneX"`
}

// learn takes one look, after the bets of that look were made.
func (v *noise) learn(cells []cell) {
	var n, x, weighted float64
	for _, c := range cells {
		n, x = n+c.n, x+c.x
	}
	if x == 0 && len(cells) != 1 {
		return // nothing was seen, and nothing expected
	}
	for _, c := range cells {
		weighted += c.n * c.record.lean()
	}
	if len(cells) == 1 {
		v.learnLone(cells[0])
	} else if x > 1 {
		v.learnPairs(cells, n, x, weighted)
	}
	for _, c := range cells {
		c.record.Saw += c.x
		c.record.Expected += c.n * x / n
	}
}

func (v *noise) learnPairs(cells []cell, n, x, weighted float64) {
	var same, expected, squares float64
	for _, c := range cells {
		share := c.n * c.record.lean() / weighted
		squares += share * share
		if c.x > 0 {
			same += c.x * (c.x - 1)
			expected += (x - 1) * c.x * share * (1 - 1/c.n) / (1 - 1/n)
		}
	}
	v.Same += same
	v.Expected += expected
	v.Variance += 2 * x * (x - 1) * squares * (1 - squares)
	v.Scale += x * (1 - squares) * (1 - x/n)
}

// learnLone compares a pod with itself one look earlier: slow drift cancels, a sudden outage counts as a burst.
func (v *noise) learnLone(c cell) {
	if v.LoneN > 0 {
		expected := c.x * v.LoneX * c.n / v.LoneN
		v.Same += c.x * (c.x - 1)
		v.Expected += expected
		v.Variance += 2 * expected
		v.Scale += c.x * (1 - c.x/c.n)
	}
	v.LoneN, v.LoneX = c.n, c.x
}

// lean is how much more than its share a pod has had, drawn towards 1 while little is known.
func (r *record) lean() float64 { return (r.Saw + 1) / (r.Expected + 1) }

// Bursts below this size are not told from none, and larger ones are tempered as if they were this large.
const (
	burstFrom = 1.15
	burstMost = 200.0
)

// burst is the ratio of variance to mean of the events of a pod, beyond what independence explains; 1 when the excess
// could be chance.
func (v *noise) burst() float64 {
	excess := v.Same - v.Expected
	if v.Scale <= 0 || excess < 3*math.Sqrt(v.Variance)+3 {
		return 1
	}
	size := 1 + excess/v.Scale
	if size < burstFrom {
		return 1
	}
	return min(size, burstMost)
}

// Spreads are judged with this many standard deviations: with the excess a bet needs to prove anything within an hour, a
// lasting difference between pods then counts against a release in about 1 of 1,000.
const spreadSure = 2.45

// Pods are said to differ where chance makes such differences once in a hundred times.
const luckMost = 2.33

// A few pods may differ little by luck: beside them stands one more, which differs as pods do elsewhere.
const spreadUsual = 0.22

// spread is the standard deviation of the pods' log rates beyond chance, widened for the few pods it was learned from.
// What could be chance is shrunk away, so that pods that are alike are found alike.
func spread(pods []pod, kind int, burst float64) float64 {
	var squares, total, deviation float64
	for i := range pods {
		r := pods[i].record(kind)
		total += r.Expected
		squares += r.Expected * r.Expected
		deviation += (r.Saw - r.Expected) * (r.Saw - r.Expected)
	}
	if total < 10 {
		return 0
	}
	alike := total * total / squares // so many pods of equal traffic would tell as much
	if alike < alikeLeast {
		return 0
	}
	chance := burst * (total - squares/total)
	// Chance deviates like chi-squared with so many degrees of freedom: fewer than pods where few events make it skew.
	excess, luck := deviation/chance, upTo((alike-1)*2*squares/(2*squares+burst*total))
	if excess <= luck {
		return 0
	}
	doubt := (luck - 1) / (excess - 1)
	variance := (deviation - chance) / (squares * (1 - 1/alike)) * (1 - doubt*doubt) // pods are part of the mean they are compared with
	variance = max(variance, ((alike-1)*variance+spreadUsual*spreadUsual)/alike)
	return math.Sqrt(math.Log1p(variance)) * few(alike)
}

// alikeLeast pods are compared, or none: of one that has nearly all events, and others that have hardly any, nothing can be said.
const alikeLeast = 1.5

// upTo is what chi-squared over its degrees of freedom comes to by chance, at luckMost deviations (Wilson, Hilferty).
func upTo(degrees float64) float64 {
	part := 2 / (9 * degrees)
	root := 1 - part + luckMost*math.Sqrt(part)
	return root * root * root
}

// few widens a spread learned from so many pods: Student's quantile against the normal one.
func few(pods float64) float64 {
	free := max(1, pods-1)
	if free > 200 {
		return 1
	}
	const z = spreadSure * spreadSure
	// The Cornish-Fisher expansion (Abramowitz, Stegun 26.7.5).
	return 1 + (z+1)/(4*free) + (5*z*z+16*z+3)/(96*free*free) + (3*z*z*z+19*z*z+17*z-15)/(384*free*free*free) +
		(79*z*z*z*z+776*z*z*z+1482*z*z-1920*z-945)/(92160*free*free*free*free)
}

// explained is the ratio of two arms with the given numbers of pods that the spread between pods alone explains.
func explained(spread float64, canaries, stables int) float64 {
	if spread == 0 || canaries == 0 || stables == 0 {
		return 1
	}
	return math.Exp(spreadSure * spread * math.Sqrt(1/float64(canaries)+1/float64(stables)))
}

// decayed is a rate that forgets: counts halve every so many seconds.
type decayed struct {
	N float64 `json:"n"`
	X float64 `json:"x"`
}

func (d *decayed) add(n, x, seconds, halving float64) {
	keep := math.Exp2(-seconds / halving)
	d.N, d.X = d.N*keep+n, d.X*keep+x
}

// rate is the share so far, starting from half an event in a hundred.
func (d *decayed) rate() float64 { return d.rateOf(100) }

// rateOf starts from half an event in so many.
func (d *decayed) rateOf(first float64) float64 { return (d.X + 0.5) / (d.N + first) }
