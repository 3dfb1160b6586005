package condition

import (
	"encoding/json"
	"slices"

	"serin.dev/serin/internal/judge/setting"
)

// A Config is the `judge:` block of kind condition.
type Config struct {
	Metrics []Metric `json:"metrics"`
	Errors  string   `json:"errors"` // "hold" or "fail"
}

// A Metric is one question and what its answers must obey. Times are seconds.
type Metric struct {
	Name         string  `json:"name"`
	Success      string  `json:"success,omitempty"`
	Failure      string  `json:"failure,omitempty"`
	Interval     float64 `json:"interval,omitempty"` // 0: measured once
	InitialDelay float64 `json:"initialDelay,omitempty"`
	Count        int     `json:"count,omitempty"` // 0: no end
	FailureLimit int     `json:"failureLimit,omitempty"`
	Inconclusive int     `json:"inconclusiveLimit,omitempty"`
	Errors       int     `json:"consecutiveErrorLimit"`
	SuccessLimit int     `json:"successLimit,omitempty"`
	DryRun       bool    `json:"dryRun,omitempty"`
}

const (
	metricsMost = 64
	countMost   = 1_000_000
	errorsUsual = 4
)

// Decode reads the block from the JSON a plan carries.
func Decode(block json.RawMessage) (Config, error) {
	o, err := setting.Parse("judge", block)
	if err != nil {
		return Config{}, err
	}
	return Read(o)
}

// Read reads the block, strictly; the `kind` field, which chose this judge, is passed over, as is each metric's query, which
// is not for judges.
func Read(o *setting.Object) (Config, error) {
	c := Config{Errors: "hold"}
	o.Has("kind")
	o.Choice("errors", &c.Errors, "hold", "fail")
	metrics := o.Objects("metrics")
	if o.Has("metrics") && len(metrics) > metricsMost {
		o.Refuse("metrics", "there are %d; at most %d are judged", len(metrics), metricsMost)
		metrics = nil
	} else if len(metrics) == 0 {
		o.Refuse("metrics", "is empty: conditions are conditions on metrics")
	}
	for _, m := range metrics {
		one := readMetric(m)
		if slices.ContainsFunc(c.Metrics, func(other Metric) bool { return other.Name == one.Name && one.Name != "" }) {
			m.Refuse("name", "%q is the name of another metric", one.Name)
		}
		c.Metrics = append(c.Metrics, one)
		m.Done()
	}
	if err := o.Done(); err != nil {
		return Config{}, err
	}
	return c, nil
}

func readMetric(o *setting.Object) Metric {
	m := Metric{Errors: errorsUsual}
	o.Has("query")
	if o.Text("name", &m.Name); m.Name == "" || len(m.Name) > 63 {
		o.Refuse("name", "must be 1 to 63 characters long")
	}
	o.Text("success", &m.Success)
	o.Text("failure", &m.Failure)
	for field, text := range map[string]string{"success": m.Success, "failure": m.Failure} {
		if _, err := compile(text); err != nil {
			o.Refuse(field, "%v", err)
		}
	}
	o.Duration("interval", &m.Interval)
	o.Duration("initialDelay", &m.InitialDelay)
	o.Count("count", &m.Count, 0, countMost)
	o.Count("failureLimit", &m.FailureLimit, -1, countMost)
	o.Count("inconclusiveLimit", &m.Inconclusive, 0, countMost)
	o.Count("consecutiveErrorLimit", &m.Errors, 0, countMost)
	o.Count("successLimit", &m.SuccessLimit, 0, countMost)
	o.Truth("dryRun", &m.DryRun)
	m.check(o)
	if m.Count == 0 && m.Interval == 0 {
		m.Count = 1
	}
	return m
}

// check refuses numbers that contradict each other, as Argo does.
func (m Metric) check(o *setting.Object) {
	switch {
	case m.FailureLimit < 0 && m.SuccessLimit == 0:
		o.Refuse("failureLimit", "nothing could fail or end this metric: give a successLimit as well")
	case m.Count > 0 && m.Count < max(0, m.FailureLimit)+m.SuccessLimit:
		o.Refuse("count", "%d measurements cannot reach failureLimit %d and successLimit %d", m.Count, m.FailureLimit, m.SuccessLimit)
	case m.Count > 0 && m.Count < m.Inconclusive:
		o.Refuse("count", "%d measurements cannot reach inconclusiveLimit %d", m.Count, m.Inconclusive)
	case m.Count > 1 && m.Interval == 0:
		o.Refuse("interval", "is missing: there are %d measurements", m.Count)
	}
}
