package kayenta

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/kayenta/execution"
	"serin.dev/serin/internal/kayenta/storage"
)

func (s *Service) listJudges(*http.Request) (any, error) {
	return []map[string]any{{"name": judge.JudgeName, "visible": true}}, nil
}

// judgeAgain judges stored pairs, without asking any metric store.
func (s *Service) judgeAgain(r *http.Request) (any, error) {
	c, t, pairs, err := s.canned(r)
	if err != nil {
		return nil, err
	}
	store, err := s.objects(r)
	if err != nil {
		return nil, err
	}
	data, err := store.Get(r.Context(), storage.MetricSetPairs, pairs)
	if err != nil {
		return nil, err
	}
	var list []judge.Pair
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, invalid("read metric set pair list %s: %v", pairs, err)
	}
	result, err := judge.Judge(c, list, t)
	if err != nil {
		return nil, invalid("%v", err)
	}
	return result, nil
}

// canned reads what a request says about data that is there already.
func (s *Service) canned(r *http.Request) (c judge.Config, t judge.Thresholds, pairs string, err error) {
	for _, name := range []string{"canaryConfigId", "metricSetPairListId", "passThreshold", "marginalThreshold"} {
		if param(r, name) == "" {
			return c, t, "", invalid("Required request parameter '%s' is not present", name)
		}
	}
	for name, into := range map[string]*float64{"passThreshold": &t.Pass, "marginalThreshold": &t.Marginal} {
		if *into, err = strconv.ParseFloat(param(r, name), 64); err != nil || math.IsNaN(*into) || math.IsInf(*into, 0) {
			return c, t, "", invalid("%s: want a number", name)
		}
	}
	c, _, err = s.config(r, param(r, "canaryConfigId"))
	return c, t, param(r, "metricSetPairListId"), err
}

func (s *Service) startComparison(r *http.Request) (any, error) {
	c, t, pairs, err := s.canned(r)
	if err != nil {
		return nil, err
	}
	account, err := s.accounts.resolve(param(r, "storageAccountName"), ObjectStore)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"overrideCanaryJudge1", "overrideCanaryJudge2"} {
		if j := param(r, name); j != "" && j != judge.JudgeName {
			return nil, invalid("Unable to resolve canary judge '%s'.", j)
		}
	}
	return s.begin(r.Context(), execution.Order{
		Kind: execution.Comparison, Application: "judge-comparison", Parent: "judge-comparison",
		ConfigID: param(r, "canaryConfigId"), Config: c, StorageAccount: account, Thresholds: t,
		Comparison: &execution.Judges{First: param(r, "overrideCanaryJudge1"), Second: param(r, "overrideCanaryJudge2"), Pairs: pairs},
	}, "canaryExecutionId")
}

func (s *Service) getComparison(r *http.Request) (any, error) {
	return s.runner.Comparison(r.Context(), r.PathValue("id"))
}
