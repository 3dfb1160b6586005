package execution

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/judge/kayenta/query"
)

// A Kind is what an execution does.
type Kind string

// The kinds.
const (
	Canary     Kind = "canary"
	Analysis   Kind = "analysis"
	Comparison Kind = "comparison"
)

// An Order is what was asked for, complete: nothing that changes afterwards (a canary config, say) changes it.
type Order struct {
	ID                   string           `json:"id"`
	Kind                 Kind             `json:"kind"`
	Analysis             string           `json:"analysis,omitempty"` // the execution that a canary is a part of
	Application          string           `json:"application"`
	User                 string           `json:"user,omitempty"`
	Parent               string           `json:"parent,omitempty"` // the pipeline that asked
	ConfigID             string           `json:"configId,omitempty"`
	Config               judge.Config     `json:"config"`
	MetricsAccount       string           `json:"metricsAccount,omitempty"`
	StorageAccount       string           `json:"storageAccount"`
	ConfigurationAccount string           `json:"configurationAccount,omitempty"`
	Thresholds           judge.Thresholds `json:"thresholds"`
	Built                time.Time        `json:"built"`

	Request         *Request         `json:"request,omitempty"`         // of a canary
	AnalysisRequest *AnalysisRequest `json:"analysisRequest,omitempty"` // of an analysis
	Comparison      *Judges          `json:"comparison,omitempty"`      // of a comparison
}

// A Request asks for one judgement.
type Request struct {
	Scopes     map[string]ScopePair `json:"scopes"`
	Thresholds *judge.Thresholds    `json:"thresholds,omitempty"`
	Metadata   json.RawMessage      `json:"metadata,omitempty"`
	SiteLocal  json.RawMessage      `json:"siteLocal,omitempty"`
}

// A ScopePair says where both sides are.
type ScopePair struct {
	Control    *Scope `json:"controlScope"`
	Experiment *Scope `json:"experimentScope"`
}

// A Scope says where and when one side is.
type Scope struct {
	Scope    string       `json:"scope"`
	Location string       `json:"location,omitempty"`
	Start    Instant      `json:"start"`
	End      Instant      `json:"end"`
	Step     Whole        `json:"step"` // seconds, 60
	Extended query.Params `json:"extendedScopeParams,omitempty"`
}

// stepDefault is what Orca and Deck send.
const stepDefault = 60

// UnmarshalJSON reads a scope. Orca and Argo Rollouts call the location "region".
func (s *Scope) UnmarshalJSON(data []byte) error {
	type plain Scope
	given := struct {
		*plain
		Region string `json:"region"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(data, &given); err != nil {
		return err
	}
	if s.Location == "" {
		s.Location = given.Region
	}
	if s.Step == 0 {
		s.Step = stepDefault
	}
	return nil
}

// StepDuration is the distance between values.
func (s Scope) StepDuration() time.Duration { return time.Duration(s.Step) * time.Second }

// Judges names the two judges of a comparison and the data they compare on.
type Judges struct {
	First  string `json:"first,omitempty"` // default: the config's
	Second string `json:"second,omitempty"`
	Pairs  string `json:"pairs"` // id of a list of metric set pairs
}

// Check refuses a request that could not be run, and fills in the thresholds.
func (o *Order) Check() error {
	if o.Kind == Comparison {
		return nil
	}
	if len(o.Config.Metrics) == 0 {
		return fmt.Errorf("canary config: metrics: there is none to judge")
	}
	var given *judge.Thresholds
	scopes := map[string]bool{}
	switch o.Kind {
	case Canary:
		given = o.Request.Thresholds
		for name, pair := range o.Request.Scopes {
			if err := pair.check(name); err != nil {
				return err
			}
			scopes[name] = true
		}
	case Analysis:
		given = o.AnalysisRequest.Thresholds
		if err := o.AnalysisRequest.check(o.Built, scopes); err != nil {
			return err
		}
		if err := o.fits(); err != nil {
			return err
		}
	}
	if given == nil && o.Config.Classifier != nil {
		given = o.Config.Classifier.ScoreThresholds
	}
	if given == nil || math.IsNaN(given.Pass) || math.IsNaN(given.Marginal) {
		return fmt.Errorf("thresholds: pass and marginal must be specified in the execution request, or in the canary config")
	}
	o.Thresholds = *given
	return o.needs(scopes)
}

// needs asks whether there is a scope for each metric.
func (o *Order) needs(scopes map[string]bool) error {
	for i, m := range o.Config.Metrics {
		switch {
		case m.ScopeName == "":
			return fmt.Errorf("canary config: metrics[%d].scopeName: is missing", i)
		case !scopes[m.ScopeName]:
			return fmt.Errorf("scopes: the metric %q needs the scope %q; there are %v", m.Name, m.ScopeName, slices.Sorted(maps.Keys(scopes)))
		}
	}
	return nil
}

func (p ScopePair) check(name string) error {
	for side, s := range map[string]*Scope{"controlScope": p.Control, "experimentScope": p.Experiment} {
		field := "scopes." + name + "." + side
		switch {
		case s == nil:
			return fmt.Errorf("%s: is missing", field)
		case s.Start.IsZero():
			return fmt.Errorf("%s.start: is missing", field)
		case s.End.IsZero():
			return fmt.Errorf("%s.end: is missing", field)
		case s.End.Before(s.Start.Time):
			return fmt.Errorf("%s.end: is before the start", field)
		case s.Step < 1:
			return fmt.Errorf("%s.step: must be at least one second", field)
		}
	}
	return nil
}
