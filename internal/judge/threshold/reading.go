package threshold

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/setting"
	"serin.dev/serin/internal/plan"
)

// A Metric is a query of the user's own with the range its answer must stay in, ends included.
type Metric struct {
	Name     string   `json:"name"`
	Min      *float64 `json:"min,omitempty"` // nil: no least value
	Max      *float64 `json:"max,omitempty"`
	Interval float64  `json:"interval"` // what the query looks back on; it is asked once for each check
}

// An answered metric is what readings have brought so far.
type answered struct {
	Fresh   bool    `json:"fresh,omitempty"`   // there is a reading for the open check
	Value   float64 `json:"value,omitempty"`   // the last that was one
	Problem string  `json:"problem,omitempty"` // why the last reading was none
	N       int64   `json:"n,omitempty"`       // readings that were one
}

const metricsMost = 64

func readMetrics(o *setting.Object) []Metric {
	var all []Metric
	known := map[string]bool{}
	list := o.Objects("metrics")
	if len(list) > metricsMost {
		o.Refuse("metrics", "there are %d; at most %d are judged", len(list), metricsMost)
		return nil
	}
	for _, one := range list {
		m := Metric{Interval: 60}
		one.Has("query")
		if one.Text("name", &m.Name); m.Name == "" || len(m.Name) > 63 {
			one.Refuse("name", "must be 1 to 63 characters long")
		} else if known[m.Name] {
			one.Refuse("name", "%q is the name of another metric", m.Name)
		}
		known[m.Name] = true
		ends := one.Object("range")
		for field, end := range map[string]**float64{"min": &m.Min, "max": &m.Max} {
			if ends.Has(field) {
				*end = new(float64)
				ends.Number(field, *end)
			}
		}
		switch {
		case m.Min == nil && m.Max == nil:
			one.Refuse("range", "is missing: give min, max or both")
		case m.Min != nil && m.Max != nil && *m.Min > *m.Max:
			ends.Refuse("min", "%g is more than max %g", *m.Min, *m.Max)
		}
		ends.Done()
		one.Duration("interval", &m.Interval)
		one.Done()
		all = append(all, m)
	}
	return all
}

// take keeps the reading for the open check. Of several the last counts.
func (a *answered) take(r judge.Reading) {
	a.Fresh = true
	value, problem := valueOf(r)
	if a.Problem = problem; problem == "" {
		a.Value, a.N = value, a.N+1
	}
}

// valueOf reads a number, or the last of a list, as Flagger takes the last series of a vector.
func valueOf(r judge.Reading) (float64, string) {
	const most = 200
	text := strings.TrimSpace(string(r.Value))
	switch {
	case len(r.Error) > most:
		return 0, strings.ToValidUTF8(r.Error[:most], "") + "..."
	case r.Error != "":
		return 0, r.Error
	case text == "" || text == "null":
		return 0, "no values found"
	}
	var list []json.RawMessage
	if err := json.Unmarshal(r.Value, &list); err == nil {
		if len(list) == 0 {
			return 0, "no values found"
		}
		text = string(list[len(list)-1])
	}
	value, err := strconv.ParseFloat(strings.Trim(text, `"`), 64)
	switch {
	case err != nil:
		return 0, fmt.Sprintf("the answer %.60s is no number", text)
	case math.IsNaN(value):
		return 0, "no values found: the answer is NaN"
	}
	return value, ""
}

// weigh judges what the open check knows of a metric: a text, and whether the value is out of its range or there is none.
func (m Metric) weigh(a answered) (text string, outside, dark bool) {
	switch {
	case !a.Fresh:
		return fmt.Sprintf("no values found for %s: nobody has asked", m.Name), false, true
	case a.Problem != "":
		return fmt.Sprintf("no values found for %s: %s", m.Name, strings.TrimPrefix(a.Problem, "no values found: ")), false, true
	case m.Min != nil && a.Value < *m.Min:
		return fmt.Sprintf("%s %.4g < %g", m.Name, a.Value, *m.Min), true, false
	case m.Max != nil && a.Value > *m.Max:
		return fmt.Sprintf("%s %.4g > %g", m.Name, a.Value, *m.Max), true, false
	}
	return fmt.Sprintf("%s %.4g %s", m.Name, a.Value, m.ends()), false, false
}

// ends writes the range.
func (m Metric) ends() string {
	switch {
	case m.Min == nil:
		return fmt.Sprintf("<= %g", *m.Max)
	case m.Max == nil:
		return fmt.Sprintf(">= %g", *m.Min)
	}
	return fmt.Sprintf("within %g..%g", *m.Min, *m.Max)
}

// finding is the metric among the findings of a verdict.
func (m Metric) finding(a answered, v plan.Verdict) plan.Finding {
	f := plan.Finding{
		Name: m.Name, Unit: plan.Reading, Evidence: v.Evidence, Outcome: v.Outcome,
		N: map[plan.TrackName]int64{plan.Canary: a.N, plan.Stable: 0},
	}
	if !math.IsInf(a.Value, 0) {
		f.Canary = a.Value
	}
	return f
}
