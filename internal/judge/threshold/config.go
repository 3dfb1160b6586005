package threshold

import (
	"encoding/json"

	"serin.dev/serin/internal/judge/setting"
)

// A Config is the `judge:` block of kind threshold. Times are seconds, shares are per request.
type Config struct {
	Interval float64
	Failures float64  // largest share of failed requests
	Quantile float64  // 0: latency is not judged
	Latency  float64  // largest latency at the quantile
	Failed   int      // checks that fail the release
	Passed   int      // checks that pass it
	Hold     bool     // a check without requests, or without an answer, counts neither way
	Metrics  []Metric `json:",omitempty"` // judged by their answers
	Apart    bool     `json:",omitempty"` // requests are not judged, the metrics alone are
}

// Default is what `kind: threshold` alone means.
func Default() Config { return Config{Interval: 60, Failures: 0.01, Failed: 1, Passed: 10} }

// Decode reads the block from the JSON a plan carries.
func Decode(block json.RawMessage) (Config, error) {
	o, err := setting.Parse("judge", block)
	if err != nil {
		return Config{}, err
	}
	return Read(o)
}

// Read reads the block, strictly; the `kind` field, which chose this judge, is passed over.
func Read(o *setting.Object) (Config, error) {
	c := Default()
	o.Has("kind")
	o.Duration("interval", &c.Interval)
	failures := o.Object("failures")
	failures.Percent("max", &c.Failures)
	failures.Done()
	latency := o.Object("latency")
	if o.Has("latency") {
		c.Quantile = 0.99
		latency.Percent("quantile", &c.Quantile)
		latency.Duration("max", &c.Latency)
		if c.Latency == 0 {
			latency.Refuse("max", "is missing: the largest latency at the quantile")
		}
		if c.Quantile <= 0 || c.Quantile >= 1 {
			latency.Refuse("quantile", "must be above 0%% and below 100%%")
		}
	}
	latency.Done()
	if c.Metrics = readMetrics(o); len(c.Metrics) > 0 && !o.Has("failures") {
		c.Failures, c.Apart = 1, !o.Has("latency") // beside metrics only what is asked for is judged
	}
	checks := o.Object("checks")
	checks.Count("failed", &c.Failed, 1, 1_000_000)
	checks.Count("passed", &c.Passed, 1, 1_000_000)
	checks.Done()
	noData := "fail"
	o.Choice("noData", &noData, "fail", "hold")
	c.Hold = noData == "hold"
	if err := o.Done(); err != nil {
		return Config{}, err
	}
	return c, nil
}
