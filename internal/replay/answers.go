package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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

// redirect lets all queries of a plan ask the recording, and says whom they would ask.
func redirect(p plan.Plan) (plan.Plan, map[asking]plan.Use, error) {
	whom := map[asking]plan.Use{}
	analyses := make([]plan.Analysis, len(p.Analyses))
	for i, a := range p.Analyses {
		queries := make([]plan.Query, len(a.Queries))
		for k, q := range a.Queries {
			with, err := json.Marshal(asking{a.Name, q.Name})
			if err != nil {
				return p, nil, fmt.Errorf("ask the recording for %s: %w", q.Name, err)
			}
			whom[asking{a.Name, q.Name}] = q.Source
			q.Source = plan.Use{Kind: recordedKind, With: with}
			queries[k] = q
		}
		a.Queries = queries
		analyses[i] = a
	}
	p.Analyses = analyses
	return p, whom, nil
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
func (p *player) Query(ctx context.Context, q metric.QueryQuestion) (judge.Reading, error) {
	var asked asking
	if err := plan.Decode(q.With, &asked); err != nil {
		return judge.Reading{}, fmt.Errorf("ask the recording: %w", err)
	}
	p.consult(ctx, asked, q)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.give(asked), nil
}

// A witness is a tape that is no file: it can still be asked what a query would have been answered at a moment.
type witness interface {
	Answer(ctx context.Context, at time.Time, from plan.Use, q metric.QueryQuestion) (judge.Reading, error)
}

// consult asks the witness, where the tape is one, once for each query and frame, and remembers what it said.
func (p *player) consult(ctx context.Context, asked asking, q metric.QueryQuestion) {
	w, ok := p.tape.(witness)
	at := p.now.At
	if !ok || p.heard(asked, at) {
		return
	}
	reading, err := w.Answer(ctx, at, p.whom[asked], q)
	if err != nil {
		reading = judge.Reading{Error: err.Error()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one := Answer{asked.Analysis, asked.Metric, reading}
	p.said.hear(Frame{At: at, Answers: []Answer{one}})
	p.now.Answers = append(p.now.Answers, one)
	slices.SortFunc(p.now.Answers, func(a, b Answer) int { // queries are asked at once, and a recording has an order
		return cmp.Or(strings.Compare(a.Analysis, b.Analysis), strings.Compare(a.Metric, b.Metric))
	})
}

// heard reports whether a query was answered at a moment.
func (p *player) heard(asked asking, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.said[asked]
	return ok && last.at.Equal(at)
}
