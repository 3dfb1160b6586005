package kayenta

import (
	"encoding/json"
	"fmt"
)

// Options are how one metric is judged: `analysisConfigurations.canary`.
type Options struct {
	Direction     string // increase, decrease or either: which change matters
	ReplaceNaN    bool   // a missing value is 0; otherwise it is dropped
	DropOutliers  bool
	OutlierFactor float64 // of the distance between the quartiles
	Critical      bool    // this metric alone may fail the canary
	MustHaveData  bool    // no data counts against the group
	Muted         bool    // reported, not scored
	Effect        Effect
}

// An Effect says how large a change must be to matter.
type Effect struct {
	Measure          string // meanRatio or cles
	AllowedIncrease  float64
	AllowedDecrease  float64
	CriticalIncrease float64
	CriticalDecrease float64
}

// Measures and directions.
const (
	MeanRatio = "meanRatio"
	CLES      = "cles"
	Increase  = "increase"
	Decrease  = "decrease"
	Either    = "either"
)

// Options reads how the metric is judged. As in Kayenta, a word that is not known is the default, so that old configs keep
// working; a value of the wrong type is an error.
func (m Metric) Options() (Options, error) {
	o := Options{Direction: Either, OutlierFactor: 3, Effect: defaults(MeanRatio)}
	block, given := m.AnalysisConfigurations["canary"]
	if !given || string(block) == "null" {
		return o, nil
	}
	var w wireOptions
	if err := json.Unmarshal(block, &w); err != nil {
		return Options{}, fmt.Errorf("analysisConfigurations.canary: %w", err)
	}
	if w.Direction == Increase || w.Direction == Decrease {
		o.Direction = w.Direction
	}
	o.ReplaceNaN = w.NaN == "replace"
	o.DropOutliers = w.Outliers.Strategy == "remove"
	set(&o.OutlierFactor, w.Outliers.Factor)
	o.Critical, o.MustHaveData, o.Muted = bool(w.Critical), bool(w.MustHaveData), bool(w.Muted)
	if w.Effect.Measure == CLES {
		o.Effect = defaults(CLES)
	}
	set(&o.Effect.AllowedIncrease, w.Effect.AllowedIncrease)
	set(&o.Effect.AllowedDecrease, w.Effect.AllowedDecrease)
	set(&o.Effect.CriticalIncrease, w.Effect.CriticalIncrease)
	set(&o.Effect.CriticalDecrease, w.Effect.CriticalDecrease)
	return o, nil
}

// defaults are the limits of a measure that forbid any change: a ratio of 1, a probability of one half.
func defaults(measure string) Effect {
	none := 1.0
	if measure == CLES {
		none = 0.5
	}
	return Effect{Measure: measure, AllowedIncrease: none, AllowedDecrease: none, CriticalIncrease: none, CriticalDecrease: none}
}

func set(into *float64, given *Number) {
	if given != nil {
		*into = float64(*given)
	}
}

type wireOptions struct {
	Direction string `json:"direction"`
	NaN       string `json:"nanStrategy"`
	Outliers  struct {
		Strategy string  `json:"strategy"`
		Factor   *Number `json:"outlierFactor"`
	} `json:"outliers"`
	Critical     flag `json:"critical"`
	MustHaveData flag `json:"mustHaveData"`
	Muted        flag `json:"muted"`
	Effect       struct {
		Measure          string  `json:"measure"`
		AllowedIncrease  *Number `json:"allowedIncrease"`
		AllowedDecrease  *Number `json:"allowedDecrease"`
		CriticalIncrease *Number `json:"criticalIncrease"`
		CriticalDecrease *Number `json:"criticalDecrease"`
	} `json:"effectSize"`
}

// A flag is true, false, or one of these as a text.
type flag bool

// UnmarshalJSON reads a flag.
func (f *flag) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "true", `"true"`:
		*f = true
	case "false", `"false"`, "null":
		*f = false
	default:
		return fmt.Errorf("%.40s is neither true nor false", data)
	}
	return nil
}
