package kayenta

import (
	"encoding/json"
	"fmt"
	"time"

	"serin.dev/serin/internal/judge/kayenta/query"
	"serin.dev/serin/internal/plan"
)

// Scopes say whose series a release compares, in the place of ${scope} and ${location}. They may name the words of
// queries (docs/canary.md).
type Scopes struct {
	Control    string // usually the pods of stable, as an expression of alternatives
	Experiment string // and those of the canary
	Location   string
}

// usualScopes are the instances of both tracks by name.
var usualScopes = Scopes{Control: "{{ stable }}", Experiment: "{{ canary }}"}

// retryAfter is when a metric whose store gave no answer is asked again.
const retryAfter = 10 * time.Second

// pair is what is asked of a store about a metric: two queries over the analysis so far.
type pairQuery struct {
	Control    string        `json:"control"`
	Experiment string        `json:"experiment"`
	Step       plan.Duration `json:"step"`
}

// Asks lists what a release has to ask its metric stores for, a query for each metric, each at the end of every interval. How
// to reach the stores is left to the reader of the Canary.
func Asks(block json.RawMessage) ([]plan.Query, error) {
	s, err := Decode(block)
	if err != nil {
		return nil, err
	}
	var all []plan.Query
	for i, m := range s.Config.Metrics {
		source, err := s.source(m)
		if err != nil {
			return nil, fmt.Errorf("config: metrics[%d].query: %w", i, err)
		}
		every := seconds(s.Interval)
		all = append(all, plan.Query{Name: m.Name, Every: every, After: every, Retry: retryAfter, Window: seconds(s.Lifetime), Source: source})
	}
	return all, nil
}

// source writes both queries of a metric.
func (s Settings) source(m Metric) (plan.Use, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if len(m.Query) == 0 {
		return plan.Use{}, fmt.Errorf("%s: is missing, and says what is asked", m.Name)
	}
	if err := json.Unmarshal(m.Query, &kind); err != nil {
		return plan.Use{}, fmt.Errorf("%s: %w", m.Name, err)
	}
	if kind.Type != "prometheus" {
		return plan.Use{}, fmt.Errorf("%s: type %q: a release asks prometheus alone", m.Name, kind.Type)
	}
	asked := pairQuery{Step: plan.Duration(seconds(s.Step))}
	for _, side := range []struct {
		scope string
		text  *string
	}{{s.Scopes.Control, &asked.Control}, {s.Scopes.Experiment, &asked.Experiment}} {
		r := query.Request{Query: m.Query, Templates: s.Config.Templates, Scope: query.Scope{Scope: side.scope, Location: s.Scopes.Location}}
		text, err := query.BuildQuery(kind.Type, r)
		if err != nil {
			return plan.Use{}, fmt.Errorf("%s: %w", m.Name, err)
		}
		*side.text = text
	}
	with, err := json.Marshal(map[string]pairQuery{"pair": asked})
	if err != nil {
		return plan.Use{}, fmt.Errorf("%s: %w", m.Name, err)
	}
	return plan.Use{Kind: kind.Type, With: with}, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
