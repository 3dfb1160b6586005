package kayenta

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// A MetricSet is one time series as a metric store gave it, Kayenta's MetricSet. The times say which window was asked for;
// all of them may be absent.
type MetricSet struct {
	Name            string            `json:"name"`
	Tags            map[string]string `json:"tags,omitzero"` // none: a placeholder, or a store that does not group
	StartTimeMillis int64             `json:"startTimeMillis"`
	StartTimeISO    string            `json:"startTimeIso,omitempty"`
	EndTimeMillis   int64             `json:"endTimeMillis"`
	EndTimeISO      string            `json:"endTimeIso,omitempty"`
	StepMillis      int64             `json:"stepMillis"`
	Values          Series            `json:"values"`
	Attributes      map[string]string `json:"attributes,omitempty"` // for instance the query that was asked
}

// A Pair is one series of each side, Kayenta's MetricSetPair: what the judge compares. Experiment is the canary, control
// the baseline.
type Pair struct {
	Name       string            `json:"name"` // of the metric in the canary config
	ID         string            `json:"id"`
	Tags       map[string]string `json:"tags"`
	Values     PairValues        `json:"values"`
	Scopes     *PairScopes       `json:"scopes,omitempty"`
	Attributes *PairAttributes   `json:"attributes,omitempty"`
}

// ReadPairs reads a list of pairs. A mistake is an error that names the pair and the field.
func ReadPairs(data []byte) ([]Pair, error) {
	var pairs []Pair
	if err := json.Unmarshal(data, &pairs); err != nil {
		return nil, fmt.Errorf("read %w", at("metricSetPairList", reflect.TypeFor[[]Pair](), data, err))
	}
	return pairs, nil
}

// UnmarshalJSON reads a pair; what it does not know is passed over.
func (p *Pair) UnmarshalJSON(data []byte) error {
	type plain Pair
	return new(rest).read(data, (*plain)(p))
}

// UnmarshalJSON reads both series.
func (v *PairValues) UnmarshalJSON(data []byte) error {
	type plain PairValues
	return new(rest).read(data, (*plain)(v))
}

// PairValues are the two series. A side that is nil was not given at all, which the judge refuses.
type PairValues struct {
	Control    Series `json:"control"`
	Experiment Series `json:"experiment"`
}

// PairScopes say when the two series begin, and how far apart their values are.
type PairScopes struct {
	Control    PairScope `json:"control"`
	Experiment PairScope `json:"experiment"`
}

// A PairScope is the time axis of one side.
type PairScope struct {
	StartTimeISO    string `json:"startTimeIso,omitempty"`
	StartTimeMillis int64  `json:"startTimeMillis"`
	StepMillis      int64  `json:"stepMillis"`
}

// PairAttributes are what the stores said about the two series.
type PairAttributes struct {
	Control    map[string]string `json:"control"`
	Experiment map[string]string `json:"experiment"`
}

// FewPoints is what Kayenta warns of where FewerPoints says so.
const FewPoints = "One of the metrics returned fewer than 50 data points, which can reduce confidence in the final canary score."

// FewerPoints says whether the control of any pair has fewer than 50 values, missing ones included.
func FewerPoints(pairs []Pair) bool {
	return slices.ContainsFunc(pairs, func(p Pair) bool { return len(p.Values.Control) < 50 })
}
