package sequential

import (
	"fmt"
	"math"

	"serin.dev/serin/internal/plan"
)

// gauges compares a level per instance. Neighbouring scrapes repeat each other, so the unit is an instance's mean over a block
// of a minute, the first third of it left out; what instances differ by for good enters through the margin, for it is not
// averaged away. A bet of this kind is never sure enough to fail a release with a handful of pods: a level that is raised holds it.
type gauges struct {
	Since   float64        `json:"since"` // the present block
	Canary  float64        `json:"canary"`
	Stable  float64        `json:"stable"` // means of the last full block
	Spread  float64        `json:"spread"` // standard deviation between stable's instances in the last blocks
	Blocks  int            `json:"blocks"` // that were bet on
	Lacked  int            `json:"lacked"` // blocks in a row without levels on an arm
	Bets    [4]float64     `json:"bets"`
	Larger  [steps]float64 `json:"larger"` // log wealth of bets that the ratio is larger than a step, and smaller
	Smaller [steps]float64 `json:"smaller"`
}

// steps are the ratios tested for the interval: from a tenth to tenfold, a tenth of a power of ten apart.
const steps = 21

func ratioAt(i int) float64 { return math.Pow(10, float64(i-steps/2)/10) }

// A level is what one instance held over the present block.
type level struct {
	Sum float64 `json:"sum"`
	N   float64 `json:"n"`
}

const (
	gaugeBlock = 60.0 // seconds
	gaugeSure  = 2.33 // standard deviations that instances may differ by
)

// middling is the boldness of the bets for the interval.
const middling = 0.4

func boldness() [4]float64 { return [4]float64{0.1, 0.2, 0.4, 0.8} }

// gauge takes a look of all levels.
func (s *state) gauge(r *rules, seen sight) {
	for i := range r.Gauges {
		g, rule := &s.Gauges[i], &r.Gauges[i]
		if g.Blocks == 0 && g.Since == 0 {
			g.Since = seen.from
		}
		if seen.t-g.Since > gaugeBlock/3 {
			s.Canary.level(i, len(r.Gauges), rule.Name)
			s.Stable.level(i, len(r.Gauges), rule.Name)
		}
		if seen.t-g.Since >= gaugeBlock {
			g.close(s.Canary.levels(i), s.Stable.levels(i), rule.Tolerate)
			g.Since = seen.t
		}
	}
}

// level notes a gauge of the pods of the present look.
func (r *roster) level(i, of int, name string) {
	for _, e := range r.entries {
		v, known := e.tally.Gauges[name]
		if !known || e.fresh {
			continue
		}
		p := &r.Pods[e.pod]
		if len(p.Levels) != of {
			p.Levels = make([]level, of)
		}
		p.Levels[i].Sum += v
		p.Levels[i].N++
	}
}

// A height is the mean level of an arm's instances, their number, and how they differ.
type height struct{ mean, pods, deviation float64 }

// levels sums up a block, and begins the next.
func (r *roster) levels(i int) (h height) {
	squares := 0.0
	for k := range r.Pods {
		if p := &r.Pods[k]; i < len(p.Levels) && p.Levels[i].N > 0 {
			v := p.Levels[i].Sum / p.Levels[i].N
			h.pods++
			step := v - h.mean
			h.mean += step / h.pods
			squares += step * (v - h.mean)
			p.Levels[i] = level{}
		}
	}
	if h.pods > 1 {
		h.deviation = math.Sqrt(squares / (h.pods - 1))
	}
	return h
}

// close bets on a block. How much depends on earlier blocks alone.
func (g *gauges) close(canary, stable height, tolerate float64) {
	if canary.pods == 0 || stable.pods == 0 {
		g.Lacked++
		return
	}
	known := g.Blocks > 0 || g.Spread > 0
	unit := g.Spread * math.Sqrt(1/canary.pods+1/stable.pods)
	scale := max(2*unit, 0.05*math.Abs(stable.mean))
	if known && scale > 0 {
		excess := canary.mean - stable.mean - (tolerate-1)*math.Abs(stable.mean) - gaugeSure*unit
		for j, bold := range boldness() {
			g.Bets[j] = min(g.Bets[j]*(1+bold*clip(excess/scale)), 1e12)
		}
		for i := range steps {
			shift := canary.mean - ratioAt(i)*stable.mean
			g.Larger[i] += math.Log1p(middling * clip((shift-gaugeSure*unit)/scale))
			g.Smaller[i] += math.Log1p(middling * clip((-shift-gaugeSure*unit)/scale))
		}
		g.Blocks++
	}
	g.Canary, g.Stable, g.Lacked = canary.mean, stable.mean, 0
	if stable.pods > 1 {
		g.Spread = max(stable.deviation, 0.8*g.Spread)
	}
	g.Spread = max(g.Spread, 0.005*math.Abs(stable.mean))
}

func clip(x float64) float64 { return max(-1, min(1, x)) }

// limits are the ratios of the levels that cannot be excluded when each side may err with probability miss.
func (g *gauges) limits(miss float64) (low, high float64) {
	need := math.Log(1 / miss)
	low, high = 0, 100
	for i := 0; i < steps && g.Larger[i] >= need; i++ {
		low = ratioAt(i)
	}
	for i := steps - 1; i >= 0 && g.Smaller[i] >= need; i-- {
		high = ratioAt(i)
	}
	return low, max(low, high)
}

func (g *gauges) value() float64 {
	return (g.Bets[0] + g.Bets[1] + g.Bets[2] + g.Bets[3]) / 4
}

// raised is the first gauge that is shown to be raised; -1 when none is.
func (s *state) raised(r *rules) int {
	for i := range s.Gauges {
		if s.Gauges[i].value() >= r.limit {
			return i
		}
	}
	return -1
}

func (g *gauges) finding(rule *Gauge, f *plan.Finding, raised bool) {
	f.Limit = rule.Tolerate
	f.Unit, f.Evidence, f.Effect = plan.Reading, readable(g.value()), 1
	if g.Stable > 0 && g.Canary >= 0 {
		f.Effect = min(g.Canary/g.Stable, 1e6)
	}
	f.Low, f.High = g.limits(intervalMiss)
	f.Stable, f.Canary = g.Stable, g.Canary
	count(f, float64(g.Blocks), float64(g.Blocks))
	switch {
	case g.Lacked >= missedMost:
		f.Outcome = plan.Unavailable
	case g.Blocks == 0:
		f.Outcome = plan.Insufficient
	case !raised:
		f.Outcome = plan.Pass
	}
}

func (g *gauges) compare(rule *Gauge) string {
	return fmt.Sprintf("%s is raised: %.4g per instance on the canary, %.4g on stable, tolerated are %gx",
		rule.Name, g.Canary, g.Stable, rule.Tolerate)
}
