package sequential

import (
	"math"

	"serin.dev/serin/internal/judge/sequential/bet"
)

// latency compares, at every useful bucket bound, the share of requests slower than the bound. No quantile is estimated:
// "slower than 0.5 s" is an event that is counted, as a failure is.
type latency struct {
	Bounds  []float64    `json:"bounds,omitempty"` // pinned for the release
	Marks   []mark       `json:"marks,omitempty"`  // one for each bound
	First   int          `json:"first"`            // the first mark that holds a stake
	Used    int          `json:"used"`             // how many from there on do; 0 before the bets began
	Pinned  bool         `json:"pinned"`           // the bounds are common to both arms
	Missing int          `json:"missing"`          // looks in a row without buckets on an arm
	Asked   int          `json:"asked"`            // how many marks were worth asking for Shift when the bets began
	Tail    int          `json:"tail"`             // the mark that is reported and must be cleared
	TailOK  clearance    `json:"tailOK"`
	Range   bet.Interval `json:"range"`
	Canary  []float64    `json:"canary,omitempty"` // slower than each bound, in the release
	Stable  []float64    `json:"stable,omitempty"`
	N       bet.Pair     `json:"n"`
	Sum     total        `json:"sum"`
	Whole   bet.Wealth   `json:"whole"` // bets that everything is slower by a factor, on all bounds in use at once
	Grid    grid         `json:"grid"`
	Cold    bet.Pair     `json:"cold"`    // requests beyond a bound in the body, since the canary came up cold
	Watched float64      `json:"watched"` // seconds that stable's latency has been watched
	Rise    rise         `json:"rise"`
	shares  []float64
	spreads []float64
	logs    []float64
	cells   []cell
}

// A mark is the bet at one bound.
type mark struct {
	Slow  decayed    `json:"slow"` // share of stable's requests beyond the bound
	Noise noise      `json:"noise"`
	Bets  bet.Wealth `json:"bets"`
	Shift clearance  `json:"shift"` // evidence against "everything is slower by the harmful factor"
	Worth bool       `json:"worth"` // whether that can be seen at this bound
}

// Bounds that nearly all of stable's requests exceed say little; beyond the first that none exceeds there is nothing to add,
// for what is slower than a later bound is slower than that one.
const (
	usual = 0.995
	never = 1e-4
)

// wholeShare of the stake is on everything being slower, the rest on single bounds.
const wholeShare = 0.5

// worth is the part of the stake of single bounds that one with the given share of stable beyond it deserves, relative to
// others: bets on the whole see best what happens to the body, and far out one bound is as good as the next.
func worth(share float64) float64 {
	switch {
	case share > 0.9:
		return 0
	case share > 0.2:
		return 0.1
	case share > 0.01:
		return 0.4
	case share > never:
		return 1
	}
	return 0.3
}

// warmth is how long, in seconds, a canary may be slow because it is cold: until then its latency alone cannot fail it while its
// body is slower as well, for the evidence is capped at an eighth of what that needs. Cold code and empty caches are felt by all
// requests; a canary of which some few requests hang is not cold.
const (
	warmth    = 30.0
	bodyFew   = 45  // requests from which on the body of a cold canary is looked at
	bodyHeavy = 2.5 // standard deviations by which it is slower than stable's
)

// A process that waits for a processor, a disk or its own garbage collector stalls, and all that it was asked meanwhile is slow
// at once: one event, which looks like many. How often pods stall is learned from stable. Until it has been watched for long, a
// look counts for little, whatever happened in it (throwing gains away keeps bets fair), so that it takes slow requests again
// and again to fail a release. stallGain is the most that the logarithm of the evidence grows in a look, or in a second of short ones;
// it grows with the time that stable was watched, by itself once in each stallKnown seconds.
const (
	stallGain   = 1.0
	stallKnown  = 120.0
	stallLength = 1.0 // seconds
)

// A rise is where the evidence stood a moment ago.
type rise struct {
	Since float64 `json:"since"`
	Value float64 `json:"value"`
}

// most is what the evidence may be after a block.
func (l *latency) most(b *block) float64 {
	if l.Rise.Value == 0 || b.Until-l.Rise.Since > stallLength {
		l.Rise = rise{b.Since, l.value()}
	}
	return l.Rise.Value * math.Exp(stallGain*(1+l.Watched/stallKnown))
}

// pin fixes the bounds; what was learned on other bounds is forgotten.
func (l *latency) pin(bounds []float64) {
	*l = latency{
		Bounds: bounds,
		Marks:  make([]mark, len(bounds)),
		Canary: make([]float64, len(bounds)),
		Stable: make([]float64, len(bounds)),
		shares: make([]float64, len(bounds)),
	}
}

// survival is stable's share beyond every bound, as learned so far.
func (l *latency) survival() []float64 {
	if len(l.shares) != len(l.Marks) {
		l.shares = make([]float64, len(l.Marks))
	}
	least := 1.0
	for i := range l.Marks {
		d := &l.Marks[i].Slow
		least = min(least, (d.X+0.05)/(d.N+1))
		l.shares[i] = least
	}
	return l.shares
}

// begin spreads the stake over the bounds worth watching, once enough of stable is known.
func (l *latency) begin(r *rules) {
	shares := l.survival()
	if len(shares) == 0 || l.Marks[0].Slow.N < 20 {
		return
	}
	for l.First = 0; l.First < len(shares)-1 && shares[l.First] > usual; {
		l.First++
	}
	last, all := l.First, worth(shares[l.First])
	for last < len(shares)-1 && shares[last] > never {
		last++
		all += worth(shares[last])
	}
	if all == 0 {
		all = 1
	}
	l.Used, l.Tail, l.Asked = last+1-l.First, last, 0
	l.Whole.Stake(wholeShare, r.wholePrior)
	l.Grid.draw(r, l.Bounds, shares, l.First, l.Used)
	for i := last; i >= l.First; i-- {
		l.Marks[i].Bets.Stake((1-wholeShare)*worth(shares[i])/all, r.slowPrior)
		if l.Marks[i].Worth = l.shows(r, i, shares[i]); l.Marks[i].Worth {
			l.Asked++
		}
		if shares[i] <= 0.05 {
			l.Tail = i
		}
	}
}

// A bound that fewer of stable's requests exceed than rare, or that needs more requests than shown of a canary that is no slower, would
// make it wait for long.
const (
	rare  = 0.002
	shown = 5_000
)

// shows says whether a bound could show that not everything is slower by the harmful factor: before long, and by a rise that is not
// small. It goes by what stable does alone.
func (l *latency) shows(r *rules, i int, share float64) bool {
	rise := l.Grid.harm[i] / max(share, 1e-9)
	return share >= rare && rise >= 1.15 && needed(r.clearNeed, share, 1, bet.Margin{Ratio: rise}, l.Marks[i].Noise.burst()) <= shown
}

// excuse lets go of bounds that were asked when little was known of stable and turn out to show nothing. None is asked anew.
func (l *latency) excuse(r *rules, shares []float64) {
	for i := range l.Marks {
		l.Marks[i].Worth = l.Marks[i].Worth && l.shows(r, i, shares[i])
	}
}

// play bets on a block at every bound that has a stake, and on all of them at once. In bursts the latter bets rest.
func (l *latency) play(r *rules, b *block, roster *roster, canaries, stables int) {
	if l.Used == 0 {
		return
	}
	most := l.most(b)
	defer func() { l.cap(most) }()
	shares := l.survival()
	if b.Until-l.Grid.Drawn >= redraw {
		l.Grid.draw(r, l.Bounds, shares, l.First, l.Used)
		l.Grid.Drawn = b.Until
		l.excuse(r, shares)
	}
	g, alone := &l.Grid, true
	pace := l.pace(r, roster, canaries, stables)
	for i := l.First; i < l.First+l.Used; i++ {
		m, pair := &l.Marks[i], b.slow(i)
		burst := m.Noise.burst()
		alone = alone && burst == 1
		g.widen(i, max(explained(l.spreads[i], canaries, stables), g.paced(r, i, pace))*b.swing())
		if m.Bets.Value() > 0 && g.edge[i] < 1 {
			l.logs = l.logs[:0]
			for _, extra := range r.extras {
				l.logs = append(l.logs, g.slower(pair, i, extra, burst))
			}
			m.Bets.Play(l.logs, r.slowPrior, b.Since, b.Until)
		}
		if m.Worth {
			m.Shift.play(pair, bet.Margin{Ratio: g.harm[i] / max(shares[i], 1e-9) / b.swing()}, burst, r)
		}
	}
	if alone {
		l.logs = g.whole(l.logs[:0], b, l.First, l.First+l.Used)
		l.Whole.Play(l.logs, r.wholePrior, b.Since, b.Until)
	}
	l.playTail(r, b, shares)
}

// pace is the factor by which pods that differ in speed may differ, as far as the bounds tell that see enough requests: far out
// too few requests tell pods apart that are known to differ.
func (l *latency) pace(r *rules, roster *roster, canaries, stables int) float64 {
	l.spreads = sized(l.spreads, len(l.Marks))
	most := 0.0
	for i := l.First; i < l.First+l.Used; i++ {
		l.spreads[i] = spread(roster.Pods, i, l.Marks[i].Noise.burst())
		if l.spreads[i] == 0 || l.Grid.Shares[i] < 0.01 {
			continue
		}
		if steep := l.Grid.steepness(i); steep > 0.1 {
			most = max(most, l.spreads[i]/steep)
		}
	}
	return explained(most, canaries, stables)
}

// playTail asks of the tail what is asked of failures: a tail that is a little larger must be excluded before a pass,
// for a few very slow requests do not show as "everything is slower".
func (l *latency) playTail(r *rules, b *block, shares []float64) {
	pair, burst := b.slow(l.Tail), l.Marks[l.Tail].Noise.burst()
	ratio := max(r.Latency.Harmful, l.Grid.tolerated(l.Tail)/max(shares[l.Tail], 1e-9))
	harm := bet.Margin{Ratio: ratio / b.swing(), Plus: r.Failures.Harmful.Plus}
	l.TailOK.play(pair, harm, burst, r)
	l.Range.Observe(pair, burst)
	l.Sum.weigh(pair)
	l.N.NC, l.N.NB = l.N.NC+pair.NC, l.N.NB+pair.NB
	for i := range l.Canary {
		l.Canary[i] += b.SlowC[i]
		l.Stable[i] += b.SlowB[i]
	}
}

// learn takes a look of stable, after the bets on it.
func (l *latency) learn(stable *arm, pods *roster, seconds float64) {
	if stable.timed == 0 {
		return
	}
	l.Watched += seconds
	for i := range l.Marks {
		l.Marks[i].Slow.add(stable.timed, stable.slow[i], seconds, 600)
		if l.Used > 0 && (i < l.First || i >= l.First+l.Used) {
			continue // nothing depends on its noise
		}
		l.cells = l.cells[:0]
		for _, p := range stable.pods {
			if p.n > 0 && len(p.slow) > 0 {
				l.cells = append(l.cells, cell{n: p.n, x: p.slow[i], record: &pods.Pods[p.pod].Slow[i]})
			}
		}
		l.Marks[i].Noise.learn(l.cells)
	}
}

// value is the wealth of all bets; 1 before the bets began.
func (l *latency) value() float64 {
	if l.Used == 0 {
		return 1
	}
	sum := l.Whole.Value()
	for i := l.First; i < l.First+l.Used; i++ {
		sum += l.Marks[i].Bets.Value()
	}
	return sum
}

// heavy takes a block of a cold canary, and says whether its body may be slower than stable's.
func (l *latency) heavy(b *block) bool {
	if l.Used == 0 {
		return true
	}
	at, nearest := -1, 0.4
	for i := l.First; i < l.First+l.Used; i++ {
		if d := math.Abs(l.Grid.Shares[i] - 0.5); d < nearest {
			at, nearest = i, d
		}
	}
	if at < 0 {
		return true
	}
	c := &l.Cold
	p := b.slow(at)
	c.NC, c.XC, c.NB, c.XB = c.NC+p.NC, c.XC+p.XC, c.NB+p.NB, c.XB+p.XB
	if c.NC < bodyFew || c.NB < bodyFew {
		return true
	}
	pooled := (c.XC + c.XB) / (c.NC + c.NB)
	return c.XC/c.NC-c.XB/c.NB > bodyHeavy*math.Sqrt(pooled*(1-pooled)*(1/c.NC+1/c.NB))
}

// cap throws away what exceeds most.
func (l *latency) cap(most float64) {
	if v := l.value(); l.Used > 0 && v > most {
		for i := l.First; i < l.First+l.Used; i++ {
			l.Marks[i].Bets.Scale(most / v)
		}
		l.Whole.Scale(most / v)
	}
}

// clear is the log evidence that latency is not harmful: of the tail, and, where some bound can show it, against a
// general slowdown. A harmful release would have to pass both. The average is over all bounds that were ever asked, for those that
// were let go might have been the ones that spoke against it.
func (l *latency) clear() float64 {
	top, asked := math.Inf(-1), 0
	for i := range l.Marks {
		if l.Marks[i].Worth {
			asked++
			top = max(top, l.Marks[i].Shift.log())
		}
	}
	tail := l.TailOK.log()
	if asked == 0 {
		return tail
	}
	sum := 0.0
	for i := range l.Marks {
		if l.Marks[i].Worth {
			sum += math.Exp(l.Marks[i].Shift.log() - top)
		}
	}
	return min(tail, top+math.Log(sum/float64(max(l.Asked, asked))))
}

// inOdds is the factor by which a share grows when its odds grow by a factor.
func inOdds(factor, share float64) float64 { return factor / (1 - share + factor*share) }
