package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// A Query is a query of the user's own, in PromQL, asked as it is.
type Query struct {
	Address string            `json:"address"`
	Query   string            `json:"query"`   // its words are filled in: rate(errors{pod=~"{{ canary }}"}[{{ interval }}])
	Pair    *Pair             `json:"pair"`    // in the place of query: two series side by side
	Timeout plan.Duration     `json:"timeout"` // 2s
	Headers map[string]string `json:"headers"`
	Auth    Auth              `json:"auth"`
}

// A Pair is two queries over the time since the analysis began: of what the canary is compared with, and of the canary. Judges that
// compare series ask so (judge/kayenta).
type Pair struct {
	Control    string        `json:"control"`
	Experiment string        `json:"experiment"`
	Step       plan.Duration `json:"step"` // between two points
}

// valuesMost is how many numbers one answer may have.
const valuesMost = 1000

// CheckQuery refuses a query that could not be asked and names the field.
func CheckQuery(with json.RawMessage) error {
	_, err := decodeQuery(with)
	return err
}

func decodeQuery(with json.RawMessage) (Query, error) {
	var q Query
	if err := plan.Decode(with, &q); err != nil {
		return q, err
	}
	if q.Timeout == 0 {
		q.Timeout = plan.Duration(2 * time.Second)
	}
	s := q.connection().Settings
	if err := s.check(); err != nil {
		return q, err
	}
	if q.Address == "" {
		return q, errors.New("address: says nothing about where Prometheus is")
	}
	return q, q.checkTexts()
}

func (q Query) checkTexts() error {
	texts := map[string]string{"query": q.Query}
	if q.Pair != nil {
		texts = map[string]string{"pair.control": q.Pair.Control, "pair.experiment": q.Pair.Experiment}
		if q.Query != "" {
			return errors.New("pair: a query is asked, or a pair of them")
		}
		if q.Pair.Step <= 0 {
			return errors.New("pair.step: must be above 0s")
		}
	}
	for _, field := range slices.Sorted(maps.Keys(texts)) {
		if texts[field] == "" {
			return fmt.Errorf("%s: asks nothing", field)
		}
		if err := metric.Check(texts[field]); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

// connection is the part of the query that says whom to ask, and how.
func (q Query) connection() *rulebook {
	return &rulebook{Settings: Settings{Address: q.Address, Timeout: q.Timeout, Headers: q.Headers, Auth: q.Auth}}
}

// Query asks a query of the user's own. A scalar is a number, a vector the list of its numbers (an empty one an empty list), a
// matrix all the numbers in it.
func (s *Store) Query(ctx context.Context, q metric.QueryQuestion) (judge.Reading, error) {
	reading, err := s.answer(ctx, q)
	if err != nil {
		return judge.Reading{}, fmt.Errorf("ask Prometheus: %w", err)
	}
	return reading, nil
}

func (s *Store) answer(ctx context.Context, q metric.QueryQuestion) (judge.Reading, error) {
	asked, err := decodeQuery(q.With)
	if err != nil {
		return judge.Reading{}, err
	}
	namespace := ""
	if key, err := cluster.ParseKey(q.Target); err == nil {
		namespace = key.Namespace
	}
	r := asked.connection()
	settings, err := json.Marshal(r.Settings)
	if err != nil {
		return judge.Reading{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(asked.Timeout))
	defer cancel()
	key := namespace + "\x00" + string(settings)
	to, err := s.desk.connections.to(ctx, namespace, key, r)
	if err != nil {
		return judge.Reading{}, err
	}
	reading, err := asked.ask(ctx, to, q)
	if err != nil && refusal(err) {
		s.desk.connections.refused(key)
	}
	return reading, err
}

// ask sends the query, or both.
func (q Query) ask(ctx context.Context, to v1.API, about metric.QueryQuestion) (judge.Reading, error) {
	if q.Pair != nil {
		return q.askPair(ctx, to, about)
	}
	text, err := about.Words.Fill(q.Query, nil)
	if err != nil {
		return judge.Reading{}, fmt.Errorf("query: %w", err)
	}
	value, _, _, err := to.Query(ctx, text, about.At) // zero is the server's own time: clocks differ
	if err != nil {
		return judge.Reading{}, fmt.Errorf("query %s: %w", q.Address, short{err})
	}
	return readingOf(value)
}

// A series is one of the lists that a pair is answered with.
type series struct {
	Tags   map[string]string `json:"tags"`
	Values []any             `json:"values"`
}

// askPair asks both queries over the same window. A side without series is an empty list.
func (q Query) askPair(ctx context.Context, to v1.API, about metric.QueryQuestion) (judge.Reading, error) {
	w := Window{about.From.Truncate(time.Millisecond), about.To.Truncate(time.Millisecond), time.Duration(q.Pair.Step)}
	answer := map[string]any{"startTimeMillis": w.Start.UnixMilli(), "stepMillis": w.Step.Milliseconds()}
	for side, text := range map[string]string{"control": q.Pair.Control, "experiment": q.Pair.Experiment} {
		text, err := about.Words.Fill(text, nil)
		if err != nil {
			return judge.Reading{}, fmt.Errorf("pair.%s: %w", side, err)
		}
		lines, err := lined(ctx, to, text, w)
		if err != nil {
			return judge.Reading{}, fmt.Errorf("query %s: %w", q.Address, short{err})
		}
		all, points := []series{}, 0
		for _, l := range lines {
			one := series{Tags: l.Labels, Values: make([]any, len(l.Values))}
			for i, v := range l.Values {
				one.Values[i] = number(v)
			}
			all = append(all, one)
			if points += len(one.Values); points > pointsMost {
				return judge.Reading{}, fmt.Errorf("pair.%s: the answer has more than %d points; let the query sum series up, or take a longer step", side, pointsMost)
			}
		}
		answer[side] = all
	}
	text, err := json.Marshal(answer)
	return judge.Reading{Value: text}, err
}

// readingOf says an answer as JSON.
func readingOf(value model.Value) (judge.Reading, error) {
	numbers := []any{}
	add := func(v model.SampleValue, isHistogram bool) error {
		if isHistogram {
			return errors.New("the answer holds histograms, and numbers are wanted; take a quantile of them")
		}
		if numbers = append(numbers, number(float64(v))); len(numbers) > valuesMost {
			return fmt.Errorf("the answer has more than %d numbers; let the query sum them up", valuesMost)
		}
		return nil
	}
	var answer any = &numbers
	switch v := value.(type) {
	case *model.Scalar:
		answer = number(float64(v.Value))
	case model.Vector:
		for _, sample := range v {
			if err := add(sample.Value, sample.Histogram != nil); err != nil {
				return judge.Reading{}, err
			}
		}
	case model.Matrix:
		for _, series := range v {
			if len(series.Histograms) > 0 {
				return judge.Reading{}, add(0, true)
			}
			for _, sample := range series.Values {
				if err := add(sample.Value, false); err != nil {
					return judge.Reading{}, err
				}
			}
		}
	default:
		return judge.Reading{}, fmt.Errorf("the answer is a %T", value)
	}
	text, err := json.Marshal(answer)
	return judge.Reading{Value: text}, err
}

// number is a number, or the text for one that JSON cannot hold.
func number(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return f
}
