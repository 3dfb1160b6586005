package kayenta

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Judge compares the pairs and scores the canary, as Kayenta's NetflixACAJudge-v1.0 does. An error is what Kayenta refuses:
// another judge, a config without a classifier, a pair without its metric or one of its sides, thresholds that are missing.
// The sides of a pair may be of different length, and hold infinities.
func Judge(c Config, pairs []Pair, t Thresholds) (Result, error) {
	weights, err := check(c, t)
	if err != nil {
		return Result{}, err
	}
	metrics := map[string]Metric{}
	for _, m := range slices.Backward(c.Metrics) {
		metrics[m.Name] = m // the first of a name, as Kayenta finds it
	}
	result := Result{JudgeName: JudgeName, Results: make([]Analysis, 0, len(pairs))}
	for i, p := range pairs {
		m, known := metrics[p.Name]
		if !known {
			return Result{}, fmt.Errorf("judge metricSetPairList[%d]: the canary config has no metric %q", i, p.Name)
		}
		analysis, err := analyze(m, p)
		if err != nil {
			return Result{}, fmt.Errorf("judge metricSetPairList[%d], metric %q: %w", i, p.Name, err)
		}
		result.Results = append(result.Results, analysis)
	}
	s := score(result.Results, weights)
	if math.IsNaN(s.score) || math.IsInf(s.score, 0) {
		return Result{}, errors.New("score canary: the groupWeights add up to no number")
	}
	for _, g := range s.groups {
		result.GroupScores = append(result.GroupScores, GroupScore{Name: g.name, Score: Number(g.score())})
	}
	if result.GroupScores == nil {
		result.GroupScores = []GroupScore{}
	}
	result.Score = Score{Score: Number(s.score), Classification: t.label(s.score), ClassificationReason: s.reason}
	return result, nil
}

// check asks whether there is all the judge needs, and returns the weights of the groups.
func check(c Config, t Thresholds) (map[string]Number, error) {
	switch {
	case c.Judge != nil && c.Judge.Name != "" && c.Judge.Name != JudgeName:
		return nil, fmt.Errorf("read canary config: judge.name: no judge %q; there is %s", c.Judge.Name, JudgeName)
	case c.Classifier == nil:
		return nil, errors.New("read canary config: classifier: is missing; without weights write {\"groupWeights\": {}}")
	case math.IsNaN(t.Pass):
		return nil, errors.New("read thresholds: pass: is missing")
	case math.IsNaN(t.Marginal):
		return nil, errors.New("read thresholds: marginal: is missing")
	}
	for _, group := range sorted(c.Classifier.GroupWeights) {
		if w := float64(c.Classifier.GroupWeights[group]); math.IsNaN(w) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("read canary config: classifier.groupWeights.%s: %v is not a weight", group, w)
		}
	}
	return c.Classifier.GroupWeights, nil
}

// analyze judges one pair.
func analyze(m Metric, p Pair) (Analysis, error) {
	o, err := m.Options()
	switch {
	case err != nil:
		return Analysis{}, err
	case p.Values.Experiment == nil:
		return Analysis{}, errors.New("values.experiment: is missing")
	case p.Values.Control == nil:
		return Analysis{}, errors.New("values.control: is missing")
	}
	experiment, control := prepare(p.Values.Experiment.floats(), o), prepare(p.Values.Control.floats(), o)
	c := classify(p.Name, experiment, control, o, tolerance, confidence)
	a := Analysis{
		Name: p.Name, Tags: p.Tags, ID: p.ID, Groups: m.Groups,
		Classification: c.label, ClassificationReason: c.reason, Critical: c.critical, Muted: o.Muted,
		ExperimentMetadata: SideMetadata{summarize(experiment)}, ControlMetadata: SideMetadata{summarize(control)},
		Test: c.test,
	}
	if a.Groups == nil {
		a.Groups = []string{}
	}
	if c.ratio != nil {
		ratio := Number(*c.ratio)
		a.ResultMetadata.Ratio = &ratio
	}
	return a, nil
}

// sorted lists the keys of a map in order, so that sums over it do not depend on chance.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
