package scrape

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"serin.dev/serin/internal/metric"
)

// parse adds up what an answer says about requests. The doubt names what it lacks.
//
// Endpoints lie about their content type, so what cannot be read as declared is tried as text and as OpenMetrics; the first
// complaint is the one that is told.
func parse(body []byte, contentType string, rules *rulebook) (metric.Counters, string, error) {
	var first error
	for i, as := range []string{contentType, "text/plain", "application/openmetrics-text"} {
		if i > 0 && as == contentType {
			continue
		}
		got := newSheet(rules)
		err := got.read(body, as)
		if err == nil {
			counters, doubt := got.sum()
			return counters, doubt, nil
		}
		if first == nil {
			first = err
		}
	}
	return metric.Counters{}, "", first
}

// A sheet collects the series that the rules ask for.
type sheet struct {
	rules    *rulebook
	duration map[string]*series // by all labels but name and le
	requests map[string]*series
	labelled bool // some series carries the label that tells failures
	invalid  string
	key      []byte
}

// A series is one histogram, summary or counter.
type series struct {
	failed  bool
	total   int64
	counted bool // total is known
	buckets map[float64]int64
	native  *histogram.FloatHistogram
}

func newSheet(rules *rulebook) *sheet {
	return &sheet{rules: rules, duration: map[string]*series{}, requests: map[string]*series{}}
}

func (s *sheet) read(body []byte, contentType string) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("parse metrics: %v", problem) // the parser is not ours, and the input is not the parser's
		}
	}()
	parser, err := textparse.New(body, contentType, labels.NewSymbolTable(), textparse.ParserOptions{FallbackContentType: "text/plain"})
	if parser == nil {
		return fmt.Errorf("parse metrics: %w", err)
	}
	var ls labels.Labels
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("parse metrics: %w", err)
		}
		switch entry {
		case textparse.EntrySeries:
			if name, _, value := parser.Series(); s.concerns(string(name)) {
				parser.Labels(&ls)
				s.sample(ls, value)
			}
		case textparse.EntryHistogram:
			if name, _, ints, floats := parser.Histogram(); s.concerns(string(name)) {
				parser.Labels(&ls)
				s.histogram(ls, ints, floats)
			}
		}
	}
}

// concerns is a quick look at a line: nearly all of them are about something else.
func (s *sheet) concerns(line string) bool {
	return s.rules.duration != nil && strings.Contains(line, s.rules.duration.Metric) ||
		s.rules.requests != nil && strings.Contains(line, s.rules.requests.Metric)
}

// sample takes one value into account: a counter, or a part of a classic histogram or summary.
func (s *sheet) sample(ls labels.Labels, value float64) {
	name := ls.Get(model.MetricNameLabel)
	if r := s.rules.requests; r != nil && (name == r.Metric || name == r.Metric+"_total") && r.fits(ls) {
		if one := s.one(s.requests, ls); one != nil && !one.counted {
			one.total, one.counted = s.count(name, value), true
		}
	}
	d := s.rules.duration
	if d == nil || !d.fits(ls) {
		return
	}
	switch name {
	case d.Metric + "_count":
		if one := s.one(s.duration, ls); one != nil && !one.counted {
			one.total, one.counted = s.count(name, value), true
		}
	case d.Metric + "_bucket":
		le, err := strconv.ParseFloat(ls.Get(labels.BucketLabel), 64)
		one := s.one(s.duration, ls)
		if err != nil || one == nil || math.IsNaN(le) {
			return
		}
		if _, twice := one.buckets[le]; !twice {
			one.buckets[le] = s.count(name, value)
		}
	}
}

func (s *sheet) histogram(ls labels.Labels, ints *histogram.Histogram, floats *histogram.FloatHistogram) {
	d := s.rules.duration
	if d == nil || ls.Get(model.MetricNameLabel) != d.Metric || !d.fits(ls) {
		return
	}
	if ints != nil {
		if ints.Validate() != nil {
			s.invalid = d.Metric + " is not a valid native histogram"
			return
		}
		floats = ints.ToFloat(nil)
	}
	if floats == nil || floats.Validate() != nil {
		s.invalid = d.Metric + " is not a valid native histogram"
		return
	}
	if one := s.one(s.duration, ls); one != nil && !one.counted {
		one.total, one.counted, one.native = s.count(d.Metric, floats.Count), true, floats.Copy()
	}
}

// one finds or makes the series of these labels; nil when it is not to be counted.
func (s *sheet) one(of map[string]*series, ls labels.Labels) *series {
	if value, ok := s.rules.exclude.value(ls); ok && s.rules.exclude.regex.MatchString(value) {
		return nil
	}
	s.key = ls.BytesWithoutLabels(s.key[:0], model.MetricNameLabel, labels.BucketLabel)
	one := of[string(s.key)]
	if one == nil {
		value, labelled := s.rules.failures.value(ls)
		s.labelled = s.labelled || labelled
		one = &series{failed: labelled && s.rules.failures.regex.MatchString(value), buckets: map[float64]int64{}}
		of[string(s.key)] = one
	}
	return one
}

// count reads a counter's value. 2^53 is where floating point stops counting.
func (s *sheet) count(name string, value float64) int64 {
	if !(value >= 0 && value <= 1<<53) {
		s.invalid = fmt.Sprintf("%s is %v, which is no count", name, value)
		return 0
	}
	return int64(value)
}

func (r *Selector) fits(ls labels.Labels) bool {
	for name, value := range r.Labels {
		if ls.Get(name) != value {
			return false
		}
	}
	return true
}

// value returns the label a rule speaks of.
func (f filter) value(ls labels.Labels) (string, bool) {
	for _, name := range f.labels {
		if value := ls.Get(name); value != "" {
			return value, true
		}
	}
	return "", false
}

// sum adds all series up and says what is missing.
func (s *sheet) sum() (metric.Counters, string) {
	requests, failures := s.duration, s.duration
	if s.rules.requests != nil {
		failures = s.requests
		if s.rules.duration == nil {
			requests = s.requests
		}
	}
	var c metric.Counters
	for _, one := range requests {
		c.Requests += one.all()
	}
	for _, one := range failures {
		if one.failed {
			c.Failures += one.all()
		}
	}
	c.Bounds, c.Buckets = latencies(s.duration, s.rules.unit)
	if n := len(c.Buckets); n > 0 && (!slices.IsSorted(c.Buckets) || c.Buckets[n-1] > c.Requests) {
		c.Bounds, c.Buckets = nil, nil
		s.invalid = fmt.Sprintf("the buckets of %s contradict each other", s.rules.duration.Metric)
	}
	return c, s.doubt(len(requests), len(failures))
}

func (s *sheet) doubt(requests, failures int) string {
	missing := func(r *Selector, n int) string {
		if r != nil && n == 0 {
			return fmt.Sprintf("there is no metric %s", r.Metric)
		}
		return ""
	}
	switch {
	case s.invalid != "":
		return s.invalid
	case requests == 0 && s.rules.duration != nil:
		return missing(s.rules.duration, requests)
	case failures == 0:
		return missing(s.rules.requests, failures)
	case !s.labelled:
		return fmt.Sprintf("no series has a label %s, so failures cannot be told", strings.Join(s.rules.failures.labels, " or "))
	}
	return ""
}

// all is how much a series counted. The +Inf bucket, where there is one, was read together with the others.
func (one *series) all() int64 {
	if inf, ok := one.buckets[math.Inf(1)]; ok {
		return inf
	}
	return one.total
}
