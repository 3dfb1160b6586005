package kayenta

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	judge "serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/judge/kayenta/query"
	"serin.dev/serin/internal/kayenta/execution"
	"serin.dev/serin/internal/metric/prometheus"
)

// fetch asks the metric store of an account for the series of one metric and one side. Values that are missing are NaN in
// their places; where there is no series at all, a placeholder without values stands for it.
func (a *accounts) fetch(ctx context.Context, account string, c judge.Config, m judge.Metric, s execution.Scope) ([]judge.MetricSet, error) {
	from, ok := a.metrics[account]
	if !ok {
		return nil, invalid("Unable to resolve account %s.", account)
	}
	text, err := a.query(account, c, m, s)
	if err != nil {
		return nil, err
	}
	lines, err := from.reader.Range(ctx, text, prometheus.Window{Start: s.Start.Time, End: s.End.Time, Step: s.StepDuration()})
	if err != nil && prometheus.Transient(err) {
		return nil, execution.Later{Err: err}
	}
	if err != nil {
		return nil, err
	}
	set := judge.MetricSet{
		Name: m.Name, Tags: map[string]string{}, StepMillis: s.StepDuration().Milliseconds(), Attributes: map[string]string{"query": text},
		StartTimeMillis: s.Start.UnixMilli(), StartTimeISO: s.Start.UTC().Format(time.RFC3339Nano),
		EndTimeMillis: s.End.UnixMilli(), EndTimeISO: s.End.UTC().Format(time.RFC3339Nano),
	}
	if len(lines) == 0 {
		return []judge.MetricSet{set}, nil
	}
	var sets []judge.MetricSet
	for _, l := range lines {
		set.Tags, set.Values = l.Labels, make(judge.Series, len(l.Values))
		for i, v := range l.Values {
			set.Values[i] = judge.Number(v)
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// query is what is asked of the metric store of an account.
func (a *accounts) query(account string, c judge.Config, m judge.Metric, s execution.Scope) (string, error) {
	from, ok := a.metrics[account]
	if !ok {
		return "", invalid("Unable to resolve account %s.", account)
	}
	var kind struct {
		Type    string `json:"type"`
		Service string `json:"serviceType"`
	}
	if len(m.Query) > 0 {
		if err := json.Unmarshal(m.Query, &kind); err != nil {
			return "", fmt.Errorf("metric %q: query: %w", m.Name, err)
		}
	}
	if kind.Service == "" {
		kind.Service = kind.Type
	}
	if kind.Service != "" && kind.Service != "prometheus" {
		return "", fmt.Errorf("metric %q: query.type: is %q, and the account %s is of type prometheus", m.Name, kind.Service, account)
	}
	return query.BuildQuery("prometheus", query.Request{
		Query: m.Query, Templates: c.Templates, Account: from.account,
		Scope: query.Scope{
			Scope: s.Scope, Location: s.Location, Start: s.Start.Time, End: s.End.Time, Step: s.StepDuration(), Extended: s.Extended,
		},
	})
}
