package execution

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/judge/kayenta/query"
)

// An AnalysisRequest asks for judgements over a time, past or present.
type AnalysisRequest struct {
	Scopes       []AnalysisScope   `json:"scopes"`
	Thresholds   *judge.Thresholds `json:"thresholds,omitempty"`
	LifetimeMins *Whole            `json:"lifetimeDurationMins,omitempty"`
	BeginAfter   Whole             `json:"beginAfterMins"`
	Lookback     Whole             `json:"lookbackMins"`
	IntervalMins *Whole            `json:"analysisIntervalMins,omitempty"`
	SiteLocal    json.RawMessage   `json:"siteLocal,omitempty"`
}

// An AnalysisScope says where both sides are. Start, end and step of the first scope are those of all.
type AnalysisScope struct {
	Name               string       `json:"scopeName"`
	ControlScope       string       `json:"controlScope"`
	ControlLocation    string       `json:"controlLocation,omitempty"`
	ControlOffset      Whole        `json:"controlOffsetInMinutes"`
	ExperimentScope    string       `json:"experimentScope"`
	ExperimentLocation string       `json:"experimentLocation,omitempty"`
	Start              Instant      `json:"startTimeIso"`
	End                Instant      `json:"endTimeIso"`
	Step               Whole        `json:"step"`
	Extended           query.Params `json:"extendedScopeParams,omitempty"`
}

const (
	scopesMost = 100
	runsMost   = 1000    // judgements of one analysis
	minsMost   = 1 << 22 // eight years
)

func minutes(w Whole) time.Duration { return time.Duration(w) * time.Minute }

// recordMost bounds what the runs of one analysis record: each keeps the config it was judged by.
const recordMost = 256 << 20

// fits refuses an analysis whose runs would record too much.
func (o *Order) fits() error {
	table, err := o.AnalysisRequest.timetable(o.Built)
	if err != nil {
		return err
	}
	config, err := json.Marshal(o.Config)
	if err != nil {
		return fmt.Errorf("canary config: %w", err)
	}
	if len(config)*len(table.Runs) > recordMost {
		return fmt.Errorf("analysisIntervalMins: makes %d judgements by a config of %d bytes, which is too much to record; the most is %d bytes",
			len(table.Runs), len(config), recordMost)
	}
	return nil
}

// check refuses what could not be run, and lists the names of the scopes.
func (r *AnalysisRequest) check(now time.Time, names map[string]bool) error {
	if len(r.Scopes) == 0 || len(r.Scopes) > scopesMost {
		return fmt.Errorf("scopes: want at least one, and at most %d", scopesMost)
	}
	for i := range r.Scopes {
		s := &r.Scopes[i]
		if s.Name == "" {
			s.Name = "default"
		}
		if s.Step == 0 {
			s.Step = stepDefault
		}
		switch {
		case s.Step < 1:
			return fmt.Errorf("scopes[%d].step: must be at least one second", i)
		case s.ControlOffset < 0 || s.ControlOffset > minsMost:
			return fmt.Errorf("scopes[%d].controlOffsetInMinutes: %d is no offset into the past", i, s.ControlOffset)
		case names[s.Name]:
			return fmt.Errorf("scopes[%d].scopeName: there are two scopes %q", i, s.Name)
		}
		names[s.Name] = true
	}
	for field, value := range map[string]*Whole{
		"lifetimeDurationMins": r.LifetimeMins, "analysisIntervalMins": r.IntervalMins,
		"beginAfterMins": &r.BeginAfter, "lookbackMins": &r.Lookback,
	} {
		if value != nil && (*value < 0 || *value > minsMost) {
			return fmt.Errorf("%s: %d is no number of minutes", field, *value)
		}
	}
	table, err := r.timetable(now)
	if err == nil && len(table.Runs) > runsMost {
		err = fmt.Errorf("analysisIntervalMins: makes %d judgements, the most is %d", len(table.Runs), runsMost)
	}
	if err == nil && len(table.Runs) == 0 {
		err = errors.New("lifetimeDurationMins: leaves no time for a judgement")
	}
	return err
}

// timetable plans the judgements, as of now.
func (r *AnalysisRequest) timetable(now time.Time) (judge.Timetable, error) {
	s := judge.Schedule{
		Start: r.Scopes[0].Start.Time, End: r.Scopes[0].End.Time, BeginAfter: minutes(r.BeginAfter), Lookback: minutes(r.Lookback),
	}
	if r.LifetimeMins != nil {
		s.Lifetime = minutes(*r.LifetimeMins)
	}
	if r.IntervalMins != nil {
		s.Interval = minutes(*r.IntervalMins)
	}
	return judge.Windows(s, now)
}

// request is what one run of the timetable asks for.
func (r *AnalysisRequest) request(run judge.Run) *Request {
	scopes := map[string]ScopePair{}
	for _, s := range r.Scopes {
		control, seen := run.Control.Back(minutes(s.ControlOffset)), run.Experiment
		step := r.Scopes[0].Step
		scopes[s.Name] = ScopePair{
			Control:    &Scope{s.ControlScope, s.ControlLocation, Instant{control.Start}, Instant{control.End}, step, s.Extended},
			Experiment: &Scope{s.ExperimentScope, s.ExperimentLocation, Instant{seen.Start}, Instant{seen.End}, step, s.Extended},
		}
	}
	return &Request{Scopes: scopes, Thresholds: r.Thresholds, SiteLocal: r.SiteLocal}
}
