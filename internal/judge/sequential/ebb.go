package sequential

import (
	"math"

	"serin.dev/serin/internal/judge/sequential/bet"
	"serin.dev/serin/internal/judge/share"
	"serin.dev/serin/internal/plan"
)

// An ebb is the bet that the canary answers much less than it did at the same weight, against stable's traffic at the same
// looks: requests that hang for good are neither failures nor slow, and a canary that still answers some is not silent. Null: of
// the requests that are answered, the odds of the canary's share are at least ebbing times those counted before, or those of the
// weight where these are smaller. So a share that decays from above the weight's to the weight's is none.
//
// Whoever deals requests may take users away from a version: sessions end, clients of long connections come back to another
// instance, a router forgets its weights. None of it can be told from a canary that loses requests by what is counted. Therefore
// an ebb never fails a release. It holds it for as long as it lasts, and says why; a share that comes back lifts it within a block or two.
//
// The proof is that of a likelihood ratio of Bernoulli trials, monotone in the share. Where requests are dealt in batches (sessions,
// connections) of at most Burst, its power of 1/Burst is fair, by Jensen's inequality. How far the share strays from block to block
// is learned from the blocks before.
type ebb struct {
	Weight  float64    `json:"weight"` // per cent
	Moved   float64    `json:"moved"`  // when all that was known began anew
	Pods    [2]float64 `json:"pods"`   // that are counted: canary, stable
	Since   float64    `json:"since"`  // the present block
	Block   answers    `json:"block"`
	Before  answers    `json:"before"`  // in the blocks it is compared with
	Blocks  float64    `json:"blocks"`  // so many
	Squares float64    `json:"squares"` // of how far they were from those before them, in deviations
	Fell    float64    `json:"fell"`    // when the share fell
	Now     answers    `json:"now"`     // since then
	Held    bet.Wealth `json:"held"`
	logs    []float64
}

// Answers are requests that were answered.
type answers struct {
	C float64 `json:"c"`
	B float64 `json:"b"`
}

func (a *answers) add(c, b float64) { a.C, a.B = a.C+c, a.B+b }

func (a *answers) odds() float64 { return a.C / max(a.B, 1) }

func (a *answers) share() float64 { return a.C / max(a.C+a.B, 1) }

const (
	ebbing   = 0.65 // of the odds before: still good
	ebbBlock = 30.0 // seconds
	reports  = 6    // of each pod that a block has at least, where pods are read now and then: lest one more or less is half of them
	ebbFrom  = 4    // blocks that must be known, with so many requests of the canary
	ebbFew   = 50
	ebbMost  = 3.2 // nats a block may add: it takes two, and what they find
	ebbRich  = 20  // times the limit is the most that is held, so that a share that comes back is believed soon
)

// Alternatives, in parts of the odds that are still good.
func ebbs() []float64 { return []float64{0.77, 0.4, 0.1} }

func (q *ebb) start() {
	q.Held.Bets = make([]float64, len(ebbs()))
	q.Held.Cash = 1
}

// heed takes a look.
func (q *ebb) heed(r *rules, seen sight, pause float64) {
	pods := [2]float64{seen.canary.up, seen.stable.up}
	fresh := len(seen.canary.pods) < int(pods[0]) || len(seen.stable.pods) < int(pods[1])
	if seen.weight != q.Weight || seen.moved || fresh || pods != q.Pods {
		q.forget(seen, pods)
		return
	}
	if seen.t-q.Moved < settling || seen.weight <= 0 || seen.weight >= 100 {
		q.Since = seen.t
		return
	}
	q.Block.add(seen.canary.n, seen.stable.n)
	if seen.t-q.Since >= max(ebbBlock, reports*pause) && q.Block.B > 0 {
		q.close(r, seen.t)
	}
}

// forget begins anew with what is left of the stake: another weight, or other pods whose counters are read, bring another share.
func (q *ebb) forget(seen sight, pods [2]float64) {
	held := q.Held
	held.Cash = min(1, held.Value())
	clear(held.Bets)
	*q = ebb{Weight: seen.weight, Moved: seen.t, Since: seen.t, Pods: pods, Held: held, logs: q.logs}
}

// close plays a block, and compares later ones with it unless it has ebbed itself.
func (q *ebb) close(r *rules, t float64) {
	known := q.Blocks >= ebbFrom && q.Before.C >= ebbFew
	ebbed := known && q.Block.odds() < q.edge()
	if known {
		q.logs = q.logs[:0]
		for _, part := range ebbs() {
			q.logs = append(q.logs, ebbGain(q.edge(), part, q.Block, q.burst()))
		}
		q.Held.Play(q.logs, r.third, q.Since, t)
		q.Held.Cap(ebbRich * r.limit)
	}
	switch {
	case !ebbed:
		q.Squares, q.Blocks = q.Squares+q.stray(), q.Blocks+1
		q.Before.add(q.Block.C, q.Block.B)
		q.Now = answers{}
	case q.Now == answers{}:
		q.Fell, q.Now = q.Since, q.Block
	default:
		q.Now.add(q.Block.C, q.Block.B)
	}
	q.Block, q.Since = answers{}, t
}

// edge is the least odds that are still good.
func (q *ebb) edge() float64 { return ebbing * min(q.Before.odds(), odds(q.Weight)) }

// burst is how many requests are dealt at once, as it seems.
func (q *ebb) burst() float64 { return max(1, (q.Squares+3)/(q.Blocks+1)) }

// stray is the square of how far the block is from those before, in deviations of requests dealt one by one.
func (q *ebb) stray() float64 {
	p, n, known := q.Before.share(), q.Block.C+q.Block.B, q.Before.C+q.Before.B
	if p <= 0 || p >= 1 || known == 0 {
		return 1
	}
	off := q.Block.C - n*p
	return off * off / (n * p * (1 - p) * (1 + n/known))
}

// ebbGain is the log factor of the bet that the odds are a part of edge.
func ebbGain(edge, part float64, a answers, burst float64) float64 {
	return min(share.Gain(part*edge/(1+part*edge), edge/(1+edge), a.B, a.C)/burst, ebbMost)
}

// low says that the canary was shown to answer less.
func (q *ebb) low(limit float64) bool { return q.Now.B > 0 && q.Held.Value() >= limit }

func (s *state) compareEbb() {
	q, w := &s.Ebb, &s.told.text
	w.say("traffic: since t=")
	w.exactly(q.Fell)
	w.say(" s the canary answers ")
	w.about(q.Now.odds() / q.Before.odds())
	w.say(" times the requests that the same weight brought it before, ")
	w.percent(1, q.Now.share())
	w.say(" of all instead of ")
	w.percent(1, q.Before.share())
	w.say(": it loses some, or users were led away from it")
}

func (q *ebb) finding(f *plan.Finding) {
	f.Evidence, f.Limit = readable(q.Held.Value()), ebbing
	f.Stable, f.Canary = q.Before.share(), q.Now.share()
	f.Effect = q.Now.odds() / q.Before.odds()
	f.Low, f.High = q.interval()
	count(f, q.Now.B, q.Now.C)
}

// interval is what the odds are to those before, as far as the fall is known: four deviations, which is for orientation.
func (q *ebb) interval() (low, high float64) {
	off := 4 * math.Sqrt(q.burst()*(1/max(q.Now.C, 1)+1/max(q.Before.C, 1)))
	ratio := q.Now.odds() / q.Before.odds()
	return ratio * math.Exp(-off), ratio * math.Exp(off)
}
