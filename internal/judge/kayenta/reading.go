package kayenta

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"serin.dev/serin/internal/judge"
)

// lists is a reading as a metric store gives it: all series of each side, not yet paired.
type lists struct {
	Control         *[]line `json:"control"`
	Experiment      *[]line `json:"experiment"`
	StartTimeMillis int64   `json:"startTimeMillis"`
	StepMillis      int64   `json:"stepMillis"`
}

// line is one series of one side.
type line struct {
	Tags   map[string]string `json:"tags"`
	Values Series            `json:"values"`
}

// pairs pairs the series of both sides by their tags; a side without any has a placeholder, as Kayenta's stores give it.
func (l lists) pairs(name string, lookback float64) ([]Pair, error) {
	pairs, err := Mix([]Metric{{Name: name}}, l.side(name, *l.Control), l.side(name, *l.Experiment))
	for i := range pairs {
		v := &pairs[i].Values
		v.Control, v.Experiment = recent(v.Control, l.StepMillis, lookback), recent(v.Experiment, l.StepMillis, lookback)
	}
	return pairs, err
}

func (l lists) side(name string, lines []line) []MetricSet {
	if len(lines) == 0 {
		lines = []line{{Values: Series{}}}
	}
	sets := make([]MetricSet, 0, len(lines))
	for _, one := range lines {
		sets = append(sets, MetricSet{Name: name, Tags: one.Tags, StartTimeMillis: l.StartTimeMillis, StepMillis: l.StepMillis, Values: one.Values})
	}
	return sets
}

// answer is what a reading holds for one combination of tags.
type answer struct {
	Control         Series            `json:"control"`
	Experiment      Series            `json:"experiment"`
	StartTimeMillis int64             `json:"startTimeMillis"`
	StepMillis      int64             `json:"stepMillis"`
	Tags            map[string]string `json:"tags"`
}

// readPairs turns a reading into pairs: the series of both sides as a store gives them, or pairs that somebody has made
// already. Of each side the last values are kept, as far as the lookback reaches.
func readPairs(name string, r judge.Reading, lookback float64) ([]Pair, error) {
	if r.Error != "" {
		return nil, errors.New(r.Error)
	}
	value := bytes.TrimSpace(r.Value)
	if all := (lists{}); json.Unmarshal(value, &all) == nil && all.Control != nil && all.Experiment != nil {
		return all.pairs(name, lookback)
	}
	if len(value) > 0 && value[0] == '{' {
		value = append(append([]byte{'['}, value...), ']')
	}
	var answers []answer
	if err := json.Unmarshal(value, &answers); err != nil {
		return nil, fmt.Errorf("read series: %w", err)
	}
	if len(answers) == 0 {
		answers = []answer{{Control: Series{}, Experiment: Series{}}}
	}
	pairs := make([]Pair, 0, len(answers))
	for i, a := range answers {
		if a.Control == nil || a.Experiment == nil {
			return nil, fmt.Errorf("read series %d: control or experiment is missing", i)
		}
		if len(a.Control) > PointsMost || len(a.Experiment) > PointsMost {
			return nil, fmt.Errorf("read series %d: more than %d values", i, PointsMost)
		}
		axis := PairScope{StartTimeMillis: a.StartTimeMillis, StepMillis: a.StepMillis}
		pairs = append(pairs, Pair{
			Name: name, Tags: a.Tags, Scopes: &PairScopes{Control: axis, Experiment: axis},
			Values: PairValues{Control: recent(a.Control, a.StepMillis, lookback), Experiment: recent(a.Experiment, a.StepMillis, lookback)},
		})
	}
	return pairs, nil
}

// recent keeps the last values of a series: those of so many seconds.
func recent(s Series, step int64, seconds float64) Series {
	if seconds <= 0 || step <= 0 {
		return s
	}
	if keep := 1000 * seconds / float64(step); float64(len(s)) > keep {
		return s[len(s)-int(keep):]
	}
	return s
}
