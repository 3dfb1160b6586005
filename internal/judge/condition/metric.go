package condition

import (
	"fmt"
	"math"

	"serin.dev/serin/internal/judge"
)

// A phase is what has become of a metric.
type phase int

// The phases, from the best to the worst.
const (
	successful phase = iota
	running
	inconclusive
	unanswered
	failed
)

// A record is what the measurements of one metric have come to.
type record struct {
	Count        int     `json:"count,omitempty"` // measurements that gave a value
	Successful   int     `json:"successful,omitempty"`
	Failed       int     `json:"failed,omitempty"`
	Inconclusive int     `json:"inconclusive,omitempty"`
	Errors       int     `json:"errors,omitempty"`
	ErrorsRow    int     `json:"consecutiveErrors,omitempty"`
	SuccessRow   int     `json:"consecutiveSuccesses,omitempty"`
	Measured     bool    `json:"measured,omitempty"` // at At, at least once
	At           float64 `json:"at,omitempty"`
	Phase        phase   `json:"phase"`
	Value        float64 `json:"value,omitempty"`
	Last         string  `json:"last,omitempty"` // what the last measurement found
	Why          string  `json:"why,omitempty"`  // the limit behind the phase
}

// conditions of one metric, ready to be asked.
type conditions struct{ success, failure expression }

// early is how much of an interval may be missing: looks do not come to the second.
const early = 0.1

// due reports whether a reading at a time is a measurement of its own.
func (m Metric) due(r record, t float64) bool {
	switch {
	case t < m.InitialDelay:
		return false
	case !r.Measured || m.Interval == 0 || r.ErrorsRow > 0: // how soon an error is asked about again is for whoever asks
		return true
	}
	slot := func(t float64) float64 { return math.Floor((t - m.InitialDelay) / m.Interval) }
	return t-r.At >= (1-early)*m.Interval || slot(t) > slot(r.At)
}

// take adds one measurement.
func (m Metric) take(r *record, is conditions, reading judge.Reading, t float64) {
	r.Measured, r.At = true, t
	value, err := decode(reading)
	if err == nil {
		err = m.measure(r, is, value)
	}
	if err != nil {
		r.Errors, r.ErrorsRow, r.SuccessRow = r.Errors+1, r.ErrorsRow+1, 0
		r.Last = fmt.Sprintf("no measurement: %v", err)
	}
	r.Phase, r.Why = m.assess(*r)
}

// measure asks both conditions. One that cannot be worked out is an error, whatever the other says.
func (m Metric) measure(r *record, is conditions, value any) error {
	var good, bad bool
	for _, one := range []struct {
		of    expression
		holds *bool
	}{{is.failure, &bad}, {is.success, &good}} {
		if one.of.program == nil {
			continue
		}
		var err error
		if *one.holds, err = one.of.holds(value); err != nil {
			text := fmt.Sprintf("work out %s for %s: %v", one.of.text, shown(value), err)
			if empty(value) {
				text += "; no data returned from the metric provider"
			}
			return fmt.Errorf("%s", text)
		}
	}
	r.Count, r.ErrorsRow, r.Value = r.Count+1, 0, number(value)
	switch {
	case bad:
		r.fail(fmt.Sprintf("%s holds for %s", is.failure.text, shown(value)))
	case good:
		r.succeed(fmt.Sprintf("%s holds for %s", is.success.text, shown(value)))
	case is.success.program == nil && is.failure.program == nil:
		r.succeed(fmt.Sprintf("the answer is %s", shown(value)))
	case is.success.program == nil:
		r.succeed(fmt.Sprintf("%s does not hold for %s", is.failure.text, shown(value)))
	case is.failure.program == nil:
		r.fail(fmt.Sprintf("%s does not hold for %s", is.success.text, shown(value)))
	default:
		r.Inconclusive, r.SuccessRow = r.Inconclusive+1, 0
		r.Last = fmt.Sprintf("neither %s nor %s holds for %s", is.success.text, is.failure.text, shown(value))
	}
	return nil
}

func (r *record) succeed(text string) {
	r.Successful, r.SuccessRow, r.Last = r.Successful+1, r.SuccessRow+1, text
}

func (r *record) fail(text string) { r.Failed, r.SuccessRow, r.Last = r.Failed+1, 0, text }

// assess weighs the counts against the limits. Of the first three the later wins.
func (m Metric) assess(r record) (phase, string) {
	p, why := running, ""
	if m.FailureLimit >= 0 && r.Failed > m.FailureLimit {
		p, why = failed, fmt.Sprintf("failed %d > failureLimit %d", r.Failed, m.FailureLimit)
	}
	if r.Inconclusive > m.Inconclusive {
		p, why = inconclusive, fmt.Sprintf("inconclusive %d > inconclusiveLimit %d", r.Inconclusive, m.Inconclusive)
	}
	if r.ErrorsRow > m.Errors {
		p, why = unanswered, fmt.Sprintf("consecutive errors %d > consecutiveErrorLimit %d", r.ErrorsRow, m.Errors)
	}
	switch atCount := m.Count > 0 && r.Count >= m.Count; {
	case p != running:
		return p, why
	case m.SuccessLimit > 0 && r.SuccessRow >= m.SuccessLimit:
		return successful, fmt.Sprintf("%d good measurements in a row, successLimit %d", r.SuccessRow, m.SuccessLimit)
	case atCount && m.SuccessLimit > 0 && m.FailureLimit >= 0:
		return inconclusive, fmt.Sprintf("%d measurements, and neither failureLimit %d nor successLimit %d was reached", r.Count, m.FailureLimit, m.SuccessLimit)
	case atCount && m.SuccessLimit > 0:
		return failed, fmt.Sprintf("%d measurements, and successLimit %d was not reached", r.Count, m.SuccessLimit)
	case atCount:
		return successful, fmt.Sprintf("%d of %d measurements", r.Count, m.Count)
	case m.Count > 0:
		return running, fmt.Sprintf("%d of %d measurements", r.Count, m.Count)
	}
	return running, times(r.Count)
}

// times counts measurements.
func times(n int) string {
	if n == 1 {
		return "1 measurement"
	}
	return fmt.Sprintf("%d measurements", n)
}
