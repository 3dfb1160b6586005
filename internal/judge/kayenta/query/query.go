package query

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Request is one metric of a canary config, asked about one scope.
type Request struct {
	Query     json.RawMessage   // the metric's `query` object
	Templates map[string]string // of the canary config
	Scope     Scope
	Account   Account
}

// A Scope says whose series are meant, and when.
type Scope struct {
	Scope    string
	Location string
	Start    time.Time
	End      time.Time
	Step     time.Duration
	Extended Params // extendedScopeParams
}

// An Account holds what the account of a metric store adds to its queries.
type Account struct {
	Project            string // stackdriver: where neither scope nor query names one
	ScopeLabel         string // prometheus: of gce_instance; default "instance"
	DefaultScopeKey    string // newrelic, signalfx
	DefaultLocationKey string // newrelic, signalfx
}

// fields are what the stores read in a metric's query. Each reads its own.
type fields struct {
	MetricName           string   `json:"metricName"`
	CustomInlineTemplate string   `json:"customInlineTemplate"`
	CustomFilterTemplate string   `json:"customFilterTemplate"`
	CustomFilter         *string  `json:"customFilter"` // withdrawn
	ResourceType         string   `json:"resourceType"`
	LabelBindings        []string `json:"labelBindings"`
	GroupByFields        []string `json:"groupByFields"`
	MetricType           string   `json:"metricType"`
	Select               string   `json:"select"`
	Q                    string   `json:"q"`
	Fields               []string `json:"fields"`
	Aggregate            string   `json:"aggregate"`
	AggregationMethod    string   `json:"aggregationMethod"`
	QueryPairs           []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"queryPairs"`
}

// builders is the list of stores, by the query's "type".
var builders = map[string]func(Request, fields) (string, error){
	"atlas":       atlas,
	"datadog":     datadog,
	"graphite":    graphite,
	"influxdb":    influxdb,
	"newrelic":    newrelic,
	"prometheus":  prometheus,
	"signalfx":    signalfx,
	"stackdriver": stackdriver,
	"wavefront":   wavefront,
}

// Providers lists the metric stores, in order.
func Providers() []string { return slices.Sorted(maps.Keys(builders)) }

// BuildQuery returns what is asked of a store: of signalfx a program, of stackdriver a filter, of the others a query.
func BuildQuery(provider string, r Request) (string, error) {
	build, known := builders[provider]
	if !known {
		return "", fmt.Errorf("build query: no metric store %q; there are %s", provider, strings.Join(Providers(), ", "))
	}
	var f fields
	if len(r.Query) > 0 {
		if err := json.Unmarshal(r.Query, &f); err != nil {
			return "", fmt.Errorf("build %s query: %w", provider, err)
		}
	}
	q, err := build(r, f)
	if err != nil {
		return "", fmt.Errorf("build %s query: %w", provider, err)
	}
	return q, nil
}

// required refuses an empty field.
func required(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s: is missing", name)
	}
	return nil
}
