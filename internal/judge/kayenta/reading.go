package kayenta

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"serin.dev/serin/internal/judge"
)

// answer is what a reading holds for one combination of tags.
type answer struct {
	Control         Series            `json:"control"`
	Experiment      Series            `json:"experiment"`
	StartTimeMillis int64             `json:"startTimeMillis"`
	StepMillis      int64             `json:"stepMillis"`
	Tags            map[string]string `json:"tags"`
}

// readPairs turns a reading into pairs; of each side the last values are kept, as far as the lookback reaches.
func readPairs(name string, r judge.Reading, lookback float64) ([]Pair, error) {
	if r.Error != "" {
		return nil, errors.New(r.Error)
	}
	value := bytes.TrimSpace(r.Value)
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
