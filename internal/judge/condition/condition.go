package condition

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

// A Judge weighs readings. It is a judge.Judge.
type Judge struct {
	Config
	of []conditions // by index of the metric
}

// state is what the measurements of one release have come to, metric by metric.
type state struct {
	Settings Config   `json:"settings"`
	Started  bool     `json:"started"`
	T        float64  `json:"t"` // of the last look believed
	Records  []record `json:"records"`
}

// New returns the judge of the given conditions.
func New(c Config) (*Judge, error) {
	j := &Judge{Config: c}
	for _, m := range c.Metrics {
		var is conditions
		var err error
		if is.success, err = compile(m.Success); err != nil {
			return nil, fmt.Errorf("build condition judge: %s: success: %w", m.Name, err)
		}
		if is.failure, err = compile(m.Failure); err != nil {
			return nil, fmt.Errorf("build condition judge: %s: failure: %w", m.Name, err)
		}
		j.of = append(j.of, is)
	}
	return j, nil
}

// Start returns the state before the first look.
func (j *Judge) Start() judge.State {
	s := &state{Settings: j.Config, Records: make([]record, len(j.Metrics))}
	for i := range s.Records {
		s.Records[i].Phase = running
	}
	return s
}

// Checkpoint encodes the state.
func (s *state) Checkpoint() ([]byte, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode measurements: %w", err)
	}
	return data, nil
}

// Restore reads what Checkpoint wrote.
func (j *Judge) Restore(checkpoint []byte) (judge.State, error) {
	s := &state{}
	if err := json.Unmarshal(checkpoint, s); err != nil {
		return nil, fmt.Errorf("decode measurements: %w", err)
	}
	if s.Settings.Errors != j.Config.Errors || !slices.Equal(s.Settings.Metrics, j.Metrics) || len(s.Records) != len(j.Metrics) {
		return nil, fmt.Errorf("decode measurements: they were made under other conditions")
	}
	return s, nil
}

// Look takes the readings of a look.
func (j *Judge) Look(given judge.State, l judge.Look) (judge.State, plan.Verdict) {
	s := given.(*state)
	if math.IsNaN(l.T) || math.IsInf(l.T, 0) || s.Started && l.T <= s.T {
		return s, j.verdict(s, fmt.Sprintf("its time %g does not come after %g", l.T, s.T))
	}
	s.Started, s.T = true, l.T
	if l.T <= 0 {
		return s, j.verdict(s, "history teaches conditions nothing")
	}
	for i, m := range j.Metrics {
		reading, asked := l.Readings[m.Name]
		if asked && !j.ended(s.Records[i]) && m.due(s.Records[i], l.T) {
			m.take(&s.Records[i], j.of[i], reading, l.T)
		}
	}
	return s, j.verdict(s, "")
}

// Wants reports whether further readings of a metric could change anything.
func (j *Judge) Wants(given judge.State, metric string) bool {
	s := given.(*state)
	for i, m := range j.Metrics {
		if m.Name == metric {
			return !j.ended(s.Records[i])
		}
	}
	return false
}

// ended reports whether a metric takes no more readings.
func (j *Judge) ended(r record) bool {
	return r.Phase != running && (r.Phase != unanswered || j.Config.Errors == "fail")
}
