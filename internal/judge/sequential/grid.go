package sequential

import (
	"math"

	"serin.dev/serin/internal/judge/sequential/bet"
)

// A grid is what latency may do at every bound: the share of requests beyond it that is tolerated, and those that are bet on.
// It is drawn from stable's own latencies, as they were some time ago.
type grid struct {
	Shares []float64 `json:"shares,omitempty"` // of stable, that it was drawn from
	Drawn  float64   `json:"drawn"`            // when

	margins []bet.Margin // what is tolerated beyond each bound, of what stable has beyond it
	wide    []bet.Margin // the same in the present block, widened by what pods and a moving weight explain
	edge    []float64    // the share that makes of Shares
	harm    []float64    // the share beyond each bound once everything is slower by the harmful factor
	worse   [wholes][]float64
	now     [wholes][]float64 // worse in the present block
	scratch []float64
	curve   curve
}

// redraw is the time between drawings, in seconds.
const redraw = 30.0

// Alternatives to what is tolerated: everything slower by these factors beyond it.
const wholes = 3

func slowdowns() [wholes]float64 { return [wholes]float64{1.12, 1.4, 2.5} }

func wholePrior() []float64 { return []float64{0.65, 0.25, 0.1} }

// extras are alternatives at a single bound: this share of all requests beyond what is tolerated, with the stake on each.
func extras() (shares, prior []float64) {
	return []float64{0.01, 0.04, 0.2}, []float64{0.35, 0.45, 0.2}
}

// draw takes stable's shares as they are known now; only some bounds are in use.
func (g *grid) draw(r *rules, bounds, shares []float64, first, used int) {
	g.Shares = append(g.Shares[:0], shares...)
	g.redraw(r, bounds, first, used)
}

// redraw makes of Shares what follows from them.
func (g *grid) redraw(r *rules, bounds []float64, first, used int) {
	n := len(g.Shares)
	if len(g.margins) != n {
		g.margins, g.wide = make([]bet.Margin, n), make([]bet.Margin, n)
		g.edge, g.harm, g.scratch = make([]float64, n), make([]float64, n), make([]float64, n+1)
		for j := range g.worse {
			g.worse[j], g.now[j] = make([]float64, n), make([]float64, n)
		}
	}
	g.curve.through(bounds, g.Shares)
	for i := first; i < first+used; i++ {
		share := g.Shares[i]
		ratio := inOdds(r.Latency.Tolerate, share)
		g.margins[i] = bet.Margin{Ratio: ratio, Plus: max(0, g.curve.slowed(i, r.Latency.Tolerate)-ratio*share)}
		g.harm[i] = g.curve.slowed(i, r.Latency.Harmful)
		for j, factor := range slowdowns() {
			g.worse[j][i] = g.curve.slowed(i, r.Latency.Tolerate*factor)
		}
	}
}

// tolerated is the share beyond bound i that is still good.
func (g *grid) tolerated(i int) float64 { return g.margins[i].Ratio*g.Shares[i] + g.margins[i].Plus }

// steepness is by what power of time the share beyond bound i falls.
func (g *grid) steepness(i int) float64 {
	const step = 1.05
	return math.Log(g.curve.slowed(i, step)/max(g.Shares[i], 1e-12)) / math.Log(step)
}

// paced is by how much the share tolerated beyond bound i grows when everything may be slower by a further factor.
func (g *grid) paced(r *rules, i int, pace float64) float64 {
	if pace <= 1 {
		return 1
	}
	return max(1, g.curve.slowed(i, r.Latency.Tolerate*pace)/max(g.tolerated(i), 1e-12))
}

// widen takes bound i into the present block, with what is tolerated grown by a factor.
func (g *grid) widen(i int, by float64) {
	g.wide[i] = bet.Margin{Ratio: g.margins[i].Ratio * by, Plus: g.margins[i].Plus * by}
	plain := g.tolerated(i)
	g.edge[i] = plain * by
	for j := range g.worse {
		g.now[j][i] = g.worse[j][i]
		if by > 1 && plain < 1 && g.edge[i] < 1 {
			more := by * (1 - plain) / (1 - g.edge[i]) // in odds
			g.now[j][i] = inOdds(more, g.worse[j][i]) * g.worse[j][i]
		}
	}
}

// slower bets that a share of all requests is beyond bound i in excess of what is tolerated.
func (g *grid) slower(p bet.Pair, i int, extra, burst float64) float64 {
	edge := max(g.edge[i], 2*never)
	worse := edge + extra*(1-edge)
	if burst > 1 {
		return bet.WorseInBursts(p, g.wide[i], worse/edge, g.Shares[i], burst)
	}
	counts := bet.Spread{NC: p.NC, NB: p.NB, BeyondC: []float64{p.XC}, BeyondB: []float64{p.XB}}
	return bet.Slower(counts, bet.Shape{Margins: g.wide[i : i+1], Edge: []float64{edge}, Worse: []float64{worse}}, g.scratch)
}

// whole appends what the bets gain that everything is slower, on the bounds from first to last.
func (g *grid) whole(logs []float64, b *block, first, last int) []float64 {
	counts := bet.Spread{NC: b.Timed.NC, NB: b.Timed.NB, BeyondC: b.SlowC[first:last], BeyondB: b.SlowB[first:last]}
	for j := range g.now {
		shape := bet.Shape{Margins: g.wide[first:last], Edge: g.edge[first:last], Worse: g.now[j][first:last]}
		logs = append(logs, bet.Slower(counts, shape, g.scratch))
	}
	return logs
}
