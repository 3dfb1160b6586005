package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

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
	Timeout plan.Duration     `json:"timeout"` // 2s
	Headers map[string]string `json:"headers"`
	Auth    Auth              `json:"auth"`
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
	if q.Query == "" {
		return q, errors.New("query: asks nothing")
	}
	if err := metric.Check(q.Query); err != nil {
		return q, fmt.Errorf("query: %w", err)
	}
	return q, nil
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
	text, err := q.Words.Fill(asked.Query, nil)
	if err != nil {
		return judge.Reading{}, fmt.Errorf("query: %w", err)
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
	value, _, _, err := to.Query(ctx, text, time.Time{}) // at the server's own time: clocks differ
	if err != nil {
		if refusal(err) {
			s.desk.connections.refused(key)
		}
		return judge.Reading{}, fmt.Errorf("query %s: %w", asked.Address, brief(err))
	}
	return readingOf(value)
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
