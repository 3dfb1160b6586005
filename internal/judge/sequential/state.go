package sequential

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/sequential/bet"
	"serin.dev/serin/internal/plan"
)

// A Judge holds what the settings fix; all that looks change is in the state.
type Judge struct{ rules rules }

// rules are the settings with what follows from them.
type rules struct {
	Config
	limit      float64 // evidence that fails a release: 1/alpha
	clearNeed  float64 // log evidence that clears a metric: ln 1/beta
	clearMost  float64
	kappas     []float64
	prior      []float64
	extras     []float64
	slowPrior  []float64
	wholePrior []float64
	cautions   [6]float64
	even       []float64 // over four bets
	third      []float64 // over three
	print      string    // the settings, to be recognised in a checkpoint
}

// state is the evidence of one release.
type state struct {
	Started  bool      `json:"started"` // a look was taken
	Live     bool      `json:"live"`    // a look after history was taken
	T        float64   `json:"t"`       // of the last look that was taken
	Weight   float64   `json:"weight"`
	Moved    bool      `json:"moved"`    // the last look was left out because the weight moved
	Missed   int       `json:"missed"`   // looks in a row that brought nothing
	Past     int       `json:"past"`     // looks of history
	Canaries float64   `json:"canaries"` // requests of the canary, and of stable, during the release
	Stables  float64   `json:"stables"`
	FailedC  float64   `json:"failedC"` // of these, failed
	FailedB  float64   `json:"failedB"`
	Compared float64   `json:"compared"` // when a block was last played; below 0: never
	Failed   bool      `json:"failed"`
	Most     float64   `json:"most"` // the largest evidence so far
	Why      string    `json:"why"`  // the reason of the fail
	Blame    string    `json:"blame"`
	Stable   roster    `json:"stable"`
	Canary   roster    `json:"canary"`
	Block    block     `json:"block"`
	Fail     failures  `json:"failures"`
	Slow     latency   `json:"latency"`
	Up       promise   `json:"availability"`
	Fast     promise   `json:"fast"`
	Quiet    silence   `json:"traffic"`
	Ebb      ebb       `json:"share"`
	Ends     restarts  `json:"restarts"`
	Gauges   []gauges  `json:"gauges,omitempty"`
	Sums     []sums    `json:"sums,omitempty"`
	Stake    stakes    `json:"stakes"`
	Settings string    `json:"settings"`
	arms     [2]arm    // scratch: canary, stable
	told     reckoning // scratch
	last     answered
}

// stakes are the shares of the budget: the weighted average of the metrics' evidence is fair under every dependence
// between them.
type stakes struct {
	Failures     float64 `json:"failures"`
	Availability float64 `json:"availability"`
	Latency      float64 `json:"latency"`
	Fast         float64 `json:"fast"`
	Sums         float64 `json:"sums"`
}

// Shares of the budget: latency's of all, where it can be measured, and an objective's of its metric.
const (
	latencyShare   = 0.13
	objectiveShare = 0.25
)

// New returns the sequential judge of the given settings.
func New(c Config) (*Judge, error) {
	if !inside(c.FalseRollback) || !inside(c.FalsePromotion) {
		return nil, fmt.Errorf("build sequential judge: budget %g, %g is not between 0 and 1", c.FalseRollback, c.FalsePromotion)
	}
	print, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("build sequential judge: %w", err)
	}
	return &Judge{rules: rulesOf(c, string(print))}, nil
}

func rulesOf(c Config, print string) rules {
	r := rules{Config: c, limit: 1 / c.FalseRollback, cautions: cautions(), print: print}
	r.clearNeed = -math.Log(c.FalsePromotion)
	r.clearMost = r.clearNeed + spare
	r.kappas = failureKappas()
	r.prior = bet.Even(len(r.kappas))
	r.extras, r.slowPrior = extras()
	r.wholePrior, r.even, r.third = wholePrior(), bet.Even(4), bet.Even(3)
	return r
}

// Start returns the state before the first look.
func (j *Judge) Start() judge.State {
	s := &state{Settings: j.rules.print, Compared: -1, Stake: stakes{Failures: 1}}
	s.Fail.Alike = 1
	s.Ebb.start()
	s.Fail.Counts.Stake(1, j.rules.prior)
	s.Fail.Pods.Stake(0, j.rules.prior)
	s.Up.Held.Stake(1, j.rules.prior)
	s.Fast.Held.Stake(1, j.rules.prior)
	if j.rules.Objective.Availability > 0 {
		s.Stake.Availability = objectiveShare
		s.Stake.Failures -= objectiveShare
	}
	s.begin(&j.rules)
	return s
}

// begin makes room for the metrics that the settings name.
func (s *state) begin(r *rules) {
	s.Gauges, s.Sums = make([]gauges, len(r.Gauges)), make([]sums, len(r.Sums))
	for i := range s.Gauges {
		s.Gauges[i].Bets = [4]float64{1, 1, 1, 1}
	}
	for i := range s.Sums {
		s.Sums[i].start(&r.Sums[i], r)
	}
	if len(s.Sums) > 0 {
		s.Stake.Sums = sumShare * s.Stake.Failures
		s.Stake.Failures -= s.Stake.Sums
	}
}

// Checkpoint encodes the state. Go writes floating-point numbers so that they read back exactly.
func (s *state) Checkpoint() ([]byte, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode evidence: %w", err)
	}
	return data, nil
}

// Restore reads a checkpoint of a judge with the same settings.
func (j *Judge) Restore(checkpoint []byte) (judge.State, error) {
	s := &state{}
	if err := json.Unmarshal(checkpoint, s); err != nil {
		return nil, fmt.Errorf("decode evidence: %w", err)
	}
	if s.Settings != j.rules.print {
		return nil, fmt.Errorf("decode evidence: it was gathered under other settings: %.200q", s.Settings)
	}
	if err := s.sane(&j.rules); err != nil {
		return nil, err
	}
	if s.Slow.Used > 0 {
		s.Slow.Grid.redraw(&j.rules, s.Slow.Bounds, s.Slow.First, s.Slow.Used)
	}
	return s, nil
}

// sane refuses what Checkpoint cannot have written.
func (s *state) sane(r *rules) error {
	bounds := len(s.Slow.Bounds)
	for _, n := range []int{len(s.Slow.Marks), len(s.Slow.Canary), len(s.Slow.Stable)} {
		if n != bounds {
			return fmt.Errorf("decode evidence: %d entries for %d bounds", n, bounds)
		}
	}
	if s.Slow.Used < 0 || s.Slow.First < 0 || s.Slow.First+s.Slow.Used > bounds || s.Slow.Tail < 0 || bounds > 0 && s.Slow.Tail >= bounds {
		return fmt.Errorf("decode evidence: %d of %d bounds in use", s.Slow.Used, bounds)
	}
	for _, w := range []bet.Wealth{s.Fail.Counts, s.Fail.Pods, s.Up.Held, s.Fast.Held} {
		if len(w.Bets) != len(r.kappas) {
			return fmt.Errorf("decode evidence: %d bets, want %d", len(w.Bets), len(r.kappas))
		}
	}
	if len(s.Gauges) != len(r.Gauges) || len(s.Sums) != len(r.Sums) {
		return fmt.Errorf("decode evidence: %d gauges and %d sums, want %d and %d", len(s.Gauges), len(s.Sums), len(r.Gauges), len(r.Sums))
	}
	for i := range s.Sums {
		if len(s.Sums[i].Lower.Bets) != len(r.even) || len(s.Sums[i].Higher.Bets) != len(r.even) {
			return fmt.Errorf("decode evidence: sum %s has no bets", r.Sums[i].Name)
		}
	}
	if len(s.Ebb.Held.Bets) != len(r.third) {
		return fmt.Errorf("decode evidence: no bets on the share of traffic")
	}
	if s.Ends.Staked > 0 && len(s.Ends.Held.Bets) != len(r.kappas) {
		return fmt.Errorf("decode evidence: no bets on restarts")
	}
	if s.Slow.Used > 0 && (len(s.Slow.Whole.Bets) != len(r.wholePrior) || len(s.Slow.Grid.Shares) != bounds) {
		return fmt.Errorf("decode evidence: no bets on the whole of %d bounds", bounds)
	}
	for i := s.Slow.First; i < s.Slow.First+s.Slow.Used; i++ {
		if len(s.Slow.Marks[i].Bets.Bets) != len(r.extras) {
			return fmt.Errorf("decode evidence: bound %d has no bets", i)
		}
	}
	if k := len(s.Fail.Kinds); len(s.Block.Kinds) > k {
		return fmt.Errorf("decode evidence: %d kinds of requests in the block, %d are known", len(s.Block.Kinds), k)
	}
	for _, p := range s.Canary.Pods {
		if k := len(p.Bets.Bets); k != 0 && k != len(r.even) {
			return fmt.Errorf("decode evidence: pod %s has %d bets, want %d", p.Name, k, len(r.even))
		}
	}
	for _, pods := range [][]pod{s.Stable.Pods, s.Canary.Pods} {
		if !slices.IsSortedFunc(pods, byName) {
			return fmt.Errorf("decode evidence: pods are not sorted")
		}
	}
	return nil
}

// evidence is the weighted average of the metrics' evidence.
func (s *state) evidence() float64 {
	return s.Stake.Failures*s.Fail.value() + s.Stake.Availability*s.Up.Held.Value() +
		s.Stake.Latency*s.Slow.value() + s.Stake.Fast*s.Fast.Held.Value() +
		s.Quiet.value() + s.Ends.value() + s.summed()
}

// track returns the pods of a track, and whether it was scraped.
func track(l judge.Look, name plan.TrackName) (map[string]judge.Tally, bool) {
	counts, ok := l.Tracks[name]
	return counts.Pods, ok
}
