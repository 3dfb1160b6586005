package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// asking names a query of a plan to the player, in the place of what the query asks and whom.
type asking struct {
	Analysis string `json:"analysis"`
	Metric   string `json:"metric"`
}

// recordedKind is the metric store that the queries of a replayed plan ask: the recording.
const recordedKind = "recording"

// redirect lets all queries of a plan ask the recording.
func redirect(p plan.Plan) (plan.Plan, error) {
	analyses := make([]plan.Analysis, len(p.Analyses))
	for i, a := range p.Analyses {
		queries := make([]plan.Query, len(a.Queries))
		for k, q := range a.Queries {
			with, err := json.Marshal(asking{a.Name, q.Name})
			if err != nil {
				return p, fmt.Errorf("ask the recording for %s: %w", q.Name, err)
			}
			q.Source = plan.Use{Kind: recordedKind, With: with}
			queries[k] = q
		}
		a.Queries = queries
		analyses[i] = a
	}
	p.Analyses = analyses
	return p, nil
}

// Answers are those that have gone by and were not given to a judge yet: the latest of each query. So a query that is asked less
// often than it was recorded, or at other moments, gets the latest answer, and one that is asked more often is told that there is
// none: the same answer twice would be evidence twice.
type answers map[asking]heard

type heard struct {
	at    time.Time
	given bool
	judge.Reading
}

// hear takes the answers of a frame.
func (a *answers) hear(f Frame) {
	if *a == nil {
		*a = answers{}
	}
	for _, one := range f.Answers {
		(*a)[asking{one.Analysis, one.Metric}] = heard{at: f.At, Reading: one.Reading}
	}
}

// give answers a query, once. An analysis of another name, as another judge has, is answered what was recorded of the metric.
func (a answers) give(q asking) judge.Reading {
	last, known := a[q]
	if !known {
		for other := range a {
			if other.Metric == q.Metric && (!known || other.Analysis < q.Analysis) {
				q, last, known = other, a[other], true
			}
		}
	}
	switch {
	case !known:
		return judge.Reading{Error: "the recording has no answer to this query"}
	case last.given:
		return judge.Reading{Error: fmt.Sprintf("the recording has no answer to this query since %s", last.at.UTC().Format(time.RFC3339))}
	}
	last.given = true
	a[q] = last
	return last.Reading
}

// Query answers a query of the replayed plan: metric.Querier.
func (p *player) Query(_ context.Context, q metric.QueryQuestion) (judge.Reading, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var asked asking
	if err := plan.Decode(q.With, &asked); err != nil {
		return judge.Reading{}, fmt.Errorf("ask the recording: %w", err)
	}
	return p.said.give(asked), nil
}
