package kayenta

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

// slack is the part of an interval by which readings may come early: nobody asks to the second.
const slack = 0.1

// analysis is the judge of a release: judgement after judgement on the answers to the metrics' queries.
type analysis struct {
	Settings
	runs  int    // judgements of the whole analysis
	print string // of the settings
}

// state is how far the analysis of one release has come.
type state struct {
	Settings string                   `json:"settings"`
	Started  bool                     `json:"started"`
	T        float64                  `json:"t"`               // of the last look believed
	Began    float64                  `json:"began"`           // when the analysis began
	Judged   int                      `json:"judged"`          // judgements so far
	Waiting  map[string]judge.Reading `json:"waiting"`         // the latest readings, not yet judged
	Last     *plan.Verdict            `json:"last,omitempty"`  // of the last judgement
	Ended    bool                     `json:"ended,omitempty"` // no judgement comes after the last
}

// New returns the judge of the given settings.
func New(s Settings) (judge.Judge, error) {
	if _, err := check(s.Config, s.Thresholds); err != nil {
		return nil, fmt.Errorf("build kayenta judge: %w", err)
	}
	if !(s.Interval > 0) || !(s.Lifetime >= s.Interval) || !(s.Lookback >= 0) || len(s.Config.Metrics) == 0 {
		return nil, fmt.Errorf("build kayenta judge: interval %g s, lifetime %g s, lookback %g s, %d metrics",
			s.Interval, s.Lifetime, s.Lookback, len(s.Config.Metrics))
	}
	config, err := json.Marshal(s.Config)
	if err != nil {
		return nil, fmt.Errorf("build kayenta judge: %w", err)
	}
	whole := fmt.Appendf(nil, "%s %v %g %g %g", config, s.Thresholds, s.Interval, s.Lifetime, s.Lookback)
	return &analysis{Settings: s, runs: int(s.Lifetime/s.Interval + 1e-9), print: fmt.Sprintf("%x", sha256.Sum256(whole))}, nil
}

func (a *analysis) Start() judge.State {
	return &state{Settings: a.print, Waiting: map[string]judge.Reading{}}
}

func (s *state) Checkpoint() ([]byte, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode analysis: %w", err)
	}
	return data, nil
}

func (a *analysis) Restore(checkpoint []byte) (judge.State, error) {
	s := &state{}
	if err := json.Unmarshal(checkpoint, s); err != nil {
		return nil, fmt.Errorf("decode analysis: %w", err)
	}
	if s.Settings != a.print {
		return nil, fmt.Errorf("decode analysis: it was made under other settings")
	}
	if s.Judged < 0 || s.Judged > a.runs || s.Judged > 0 != (s.Last != nil) {
		return nil, fmt.Errorf("decode analysis: %d of %d judgements", s.Judged, a.runs)
	}
	if s.Waiting == nil {
		s.Waiting = map[string]judge.Reading{}
	}
	return s, nil
}

// Look keeps the readings it is given, and judges when an interval is over and every metric has one.
func (a *analysis) Look(given judge.State, l judge.Look) (judge.State, plan.Verdict) {
	s := given.(*state)
	if s.Ended {
		return s, *s.Last
	}
	if math.IsNaN(l.T) || math.IsInf(l.T, 0) || s.Started && l.T <= s.T {
		return s, a.hold(s, plan.Hold, fmt.Sprintf("its time %g does not come after %g", l.T, s.T))
	}
	if l.T <= 0 {
		return s, a.hold(s, plan.Insufficient, "history teaches this judge nothing")
	}
	if !s.Started && l.T > (1+slack)*a.Interval {
		s.Began = l.T // an analysis that begins late in a release; the first look of one that begins with it comes early
	}
	s.Started, s.T = true, l.T
	for _, m := range a.Config.Metrics {
		if r, asked := l.Readings[m.Name]; asked {
			s.Waiting[m.Name] = r
		}
	}
	due := s.Began + (float64(s.Judged)+1-slack)*a.Interval
	if l.T < due {
		return s, a.hold(s, plan.Hold, fmt.Sprintf("judgement %d of %d comes at %g s", s.Judged+1, a.runs, due+slack*a.Interval))
	}
	return s, a.judge(s)
}

// judge judges what has been read, or says why it cannot.
func (a *analysis) judge(s *state) plan.Verdict {
	var pairs []Pair
	for _, m := range a.Config.Metrics {
		reading, asked := s.Waiting[m.Name]
		if !asked {
			return a.hold(s, plan.Hold, fmt.Sprintf("judgement %d of %d waits for metric %q to be read", s.Judged+1, a.runs, m.Name))
		}
		read, err := readPairs(m.Name, reading, a.Lookback)
		if err != nil {
			return a.hold(s, plan.Unavailable, fmt.Sprintf("judgement %d of %d: metric %q: %v", s.Judged+1, a.runs, m.Name, err))
		}
		pairs = append(pairs, read...)
	}
	result, err := Judge(a.Config, pairs, a.Thresholds)
	if err != nil {
		return a.hold(s, plan.Unavailable, err.Error())
	}
	s.Judged++
	clear(s.Waiting)
	v := a.verdict(s, result)
	s.Last = &v
	return v
}

// hold answers between judgements: what the last one found, and why there is no new one.
func (a *analysis) hold(s *state, o plan.Outcome, reason string) plan.Verdict {
	v := plan.Verdict{Limit: 100 - a.Thresholds.Marginal}
	if s.Last != nil {
		v = *s.Last
		reason = s.Last.Reason + "; " + reason
	}
	v.Outcome, v.Reason = o, reason
	return v
}
