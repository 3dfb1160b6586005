package catalog

import (
	"encoding/json"
	"fmt"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/condition"
	"serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/judge/threshold"
	"serin.dev/serin/internal/plan"
)

// A JudgeDriver describes a judge: the word users write as `judge.kind`, and how one is made of its settings.
type JudgeDriver struct {
	Kind string
	New  func(with json.RawMessage) (judge.Judge, error)
	Asks func(with json.RawMessage) ([]plan.Query, error) // the queries its settings name; nil: it weighs what is counted alone
}

// Judges lists who can judge.
var Judges = []JudgeDriver{
	{Kind: "sequential", New: func(with json.RawMessage) (judge.Judge, error) {
		c, err := sequential.Decode(with)
		if err != nil {
			return nil, err
		}
		return sequential.New(c)
	}},
	{Kind: "threshold", Asks: threshold.Asks, New: func(with json.RawMessage) (judge.Judge, error) {
		c, err := threshold.Decode(with)
		if err != nil {
			return nil, err
		}
		return threshold.New(c)
	}},
	{Kind: "condition", Asks: condition.Asks, New: func(with json.RawMessage) (judge.Judge, error) {
		c, err := condition.Decode(with)
		if err != nil {
			return nil, err
		}
		return condition.New(c)
	}},
	{Kind: "kayenta", Asks: kayenta.Asks, New: func(with json.RawMessage) (judge.Judge, error) {
		s, err := kayenta.Decode(with)
		if err != nil {
			return nil, err
		}
		return kayenta.New(s)
	}},
}

// Judge makes the judge that a plan asks for.
func Judge(u plan.Use) (judge.Judge, error) {
	for _, d := range Judges {
		if d.Kind == u.Kind {
			return d.New(u.With)
		}
	}
	return nil, fmt.Errorf("no judge %q", u.Kind)
}
