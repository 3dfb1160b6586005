package prometheus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"serin.dev/serin/internal/plan"
)

// pointsMost is how many points of one series Prometheus answers.
const pointsMost = 11000

// A Reader asks one Prometheus queries as users write them, over a window of the past, for judges that compare series. A
// Store, which counts for judges of live traffic, never does. It is safe for use by several goroutines.
type Reader struct {
	connections *connections
	rules       *rulebook
}

// A Window is a stretch of time and the distance between its points. Both ends are points of it.
type Window struct {
	Start, End time.Time
	Step       time.Duration
}

// A Line is one series of an answer: one value per point of the window, NaN where there is none.
type Line struct {
	Labels map[string]string // without the name of the metric
	Values []float64
}

// NewReader makes a reader. Of the settings it takes the address, the headers, the time-out (30s) and the auth, whose secrets are
// read from files.
func NewReader(s Settings) (*Reader, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Address == "" {
		return nil, errors.New("address: says nothing about where Prometheus is")
	}
	if s.Timeout == 0 {
		s.Timeout = plan.Duration(30 * time.Second)
	}
	return &Reader{&connections{now: time.Now, all: map[string]*connection{}}, &rulebook{Settings: s}}, nil
}

// Close ends idle connections.
func (r *Reader) Close() error {
	r.connections.refused(r.rules.Address)
	return nil
}

// Check refuses a window that nothing could be asked about.
func (w Window) Check() error {
	switch {
	case w.Step < time.Millisecond:
		return fmt.Errorf("step: must be at least 1ms, not %v", w.Step)
	case w.End.Before(w.Start):
		return fmt.Errorf("end: %s is before the start, %s", w.End.Format(time.RFC3339), w.Start.Format(time.RFC3339))
	case w.points() > pointsMost:
		return fmt.Errorf("step: %v makes %d points, the most is %d", w.Step, w.points(), pointsMost)
	}
	return nil
}

func (w Window) points() int { return int(w.End.Sub(w.Start)/w.Step) + 1 }

// Range asks a query. Every series of the answer has a value for every point of the window: a gap is NaN in its place, so that
// the values of two series that stand at one index are of one time.
func (r *Reader) Range(ctx context.Context, query string, w Window) ([]Line, error) {
	w = Window{w.Start.Truncate(time.Millisecond), w.End.Truncate(time.Millisecond), w.Step}
	if err := w.Check(); err != nil {
		return nil, err
	}
	var lines []Line
	err := r.ask(ctx, func(ctx context.Context, to v1.API) (err error) {
		lines, err = lined(ctx, to, query, w)
		return err
	})
	return lines, err
}

// lined asks a query over a window and lays its series out.
func lined(ctx context.Context, to v1.API, query string, w Window) ([]Line, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	value, _, _, err := to.QueryRange(ctx, query, v1.Range{Start: w.Start, End: w.End, Step: w.Step})
	if err != nil {
		return nil, err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("want a matrix, not a %s", value.Type())
	}
	lines := make([]Line, 0, len(matrix))
	for _, series := range matrix {
		if len(series.Histograms) > 0 {
			return nil, fmt.Errorf("%s is a histogram; ask for a number, as in histogram_quantile", series.Metric)
		}
		lines = append(lines, w.line(series))
	}
	return lines, nil
}

// line lays the samples of a series out on the points of the window.
func (w Window) line(series *model.SampleStream) Line {
	l := Line{Labels: map[string]string{}, Values: make([]float64, w.points())}
	for name, value := range series.Metric {
		if name != model.MetricNameLabel {
			l.Labels[string(name)] = string(value)
		}
	}
	for i := range l.Values {
		l.Values[i] = math.NaN()
	}
	for _, s := range series.Values {
		at := int(math.Round(float64(s.Timestamp.Time().Sub(w.Start)) / float64(w.Step)))
		if at >= 0 && at < len(l.Values) {
			l.Values[at] = float64(s.Value)
		}
	}
	return l
}

// Names lists the names of metrics, at most so many.
func (r *Reader) Names(ctx context.Context, most uint64) ([]string, error) {
	var values model.LabelValues
	err := r.ask(ctx, func(ctx context.Context, to v1.API) (err error) {
		values, _, _, err = to.LabelValues(ctx, model.MetricNameLabel, nil, time.Time{}, time.Time{}, v1.WithLimit(most))
		return err
	})
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(values))
	for _, v := range values {
		names = append(names, string(v))
	}
	return names, nil
}

// ask sends one request, with the time-out of the settings. Credentials that are refused are read anew for the next.
func (r *Reader) ask(ctx context.Context, send func(context.Context, v1.API) error) error {
	key := r.rules.Address
	to, err := r.connections.to(ctx, "", key, r.rules)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(r.rules.Timeout))
	defer cancel()
	if err := send(ctx, to); err != nil {
		if refusal(err) {
			r.connections.refused(key)
		}
		return fmt.Errorf("query %s: %w", r.rules.Address, short{err})
	}
	return nil
}

// short is an error with a text that fits into a status.
type short struct{ error }

func (s short) Error() string { return brief(s.error).Error() }
func (s short) Unwrap() error { return s.error }

// Transient reports whether asking again may help: no connection, no answer in time, a server in trouble or one that asks for
// patience (408, 429, 5xx). A query that is wrong stays wrong.
func Transient(err error) bool {
	var answered *v1.Error
	if !errors.As(err, &answered) {
		var window interface{ Timeout() bool } // of net and of context
		return errors.As(err, &window)
	}
	switch answered.Type {
	case v1.ErrServer, v1.ErrTimeout, v1.ErrCanceled:
		return true
	case v1.ErrClient:
		return strings.Contains(answered.Msg, strconv.Itoa(http.StatusTooManyRequests)) ||
			strings.Contains(answered.Msg, strconv.Itoa(http.StatusRequestTimeout))
	}
	return false
}
