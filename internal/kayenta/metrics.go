package kayenta

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/judge/kayenta/query"
	"serin.dev/serin/internal/kayenta/execution"
	"serin.dev/serin/internal/kayenta/storage"
)

func (s *Service) listAccounts(*http.Request) (any, error) { return s.accounts.all, nil }

func (s *Service) deleteAccount(*http.Request) (any, error) {
	return nil, invalid("accounts come from serin's settings and are not deleted here")
}

func (s *Service) listMetricsServices(*http.Request) (any, error) {
	type detail struct {
		Name                 string   `json:"name"`
		Type                 string   `json:"type"`
		Locations            []string `json:"locations"`
		RecommendedLocations []string `json:"recommendedLocations"`
	}
	all := []detail{}
	for _, a := range s.accounts.all {
		if slices.Contains(a.SupportedTypes, MetricsStore) {
			all = append(all, detail{a.Name, a.Type, a.Locations, a.RecommendedLocations})
		}
	}
	return all, nil
}

// namesMost bounds how many names of metrics are told.
const namesMost = 10_000

func (s *Service) listMetricNames(r *http.Request) (any, error) {
	account, err := s.accounts.resolve(param(r, "metricsAccountName"), MetricsStore)
	if err != nil {
		return nil, err
	}
	names, err := s.accounts.metrics[account].reader.Names(r.Context(), namesMost)
	if err != nil {
		return nil, err
	}
	filter := strings.ToLower(param(r, "filter"))
	all := []map[string]string{}
	for _, n := range names {
		if strings.Contains(strings.ToLower(n), filter) {
			all = append(all, map[string]string{"name": n})
		}
	}
	return all, nil
}

// fetchMetric asks for one metric, or with dryRun says what would be asked.
func (s *Service) fetchMetric(r *http.Request) (any, error) {
	o, err := s.order(r, execution.Canary)
	if err != nil {
		return nil, err
	}
	m, scope, err := metricOf(r)
	if err != nil {
		return nil, err
	}
	if param(r, "dryRun") == "true" {
		text, err := s.accounts.query(o.MetricsAccount, judge.Config{}, m, scope)
		if err != nil {
			return nil, invalid("%v", err)
		}
		return map[string]string{"query": text}, nil
	}
	if scope.Start.IsZero() || scope.End.IsZero() {
		return nil, invalid("start and end: are missing")
	}
	sets, err := s.accounts.fetch(r.Context(), o.MetricsAccount, judge.Config{}, m, scope)
	var later execution.Later
	if err != nil && !errors.As(err, &later) {
		return nil, invalid("%v", err)
	}
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(sets)
	if err != nil {
		return nil, err
	}
	store, err := s.accounts.store(o.StorageAccount)
	if err != nil {
		return nil, err
	}
	id := uuid.NewString()
	return map[string]string{"metricSetListId": id}, store.Put(r.Context(), storage.MetricSets, id, storage.MetricSets.File(id), data)
}

// metricOf reads a metric and a scope out of the parameters of a request.
func metricOf(r *http.Request) (judge.Metric, execution.Scope, error) {
	for _, name := range []string{"metricSetName", "metricName", "step"} {
		if param(r, name) == "" {
			return judge.Metric{}, execution.Scope{}, invalid("Required request parameter '%s' is not present", name)
		}
	}
	q, err := json.Marshal(map[string]any{
		"type": "prometheus", "metricName": param(r, "metricName"), "resourceType": param(r, "resourceType"),
		"labelBindings": r.URL.Query()["labelBindings"], "groupByFields": texts(r, "groupByFields"),
		"customInlineTemplate": param(r, "customInlineTemplate", "customFilter"),
	})
	if err != nil {
		return judge.Metric{}, execution.Scope{}, err
	}
	scope := execution.Scope{Scope: param(r, "scope"), Location: param(r, "location")}
	if project := param(r, "project"); project != "" {
		scope.Extended = query.Params{{Name: "project", Value: project}}
	}
	for name, into := range map[string]json.Unmarshaler{"start": &scope.Start, "end": &scope.End, "step": &scope.Step} {
		text, err := json.Marshal(param(r, name))
		if err == nil {
			err = into.UnmarshalJSON(text)
		}
		if err != nil {
			return judge.Metric{}, execution.Scope{}, invalid("%s: %v", name, err)
		}
	}
	return judge.Metric{Name: param(r, "metricSetName"), Query: q}, scope, nil
}
