package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

const (
	window     = 60                     // instants that are asked for at once
	pastWithin = 30 * time.Second       // for one such question
	tooLong    = "the answer is longer" // as package client says it
)

// A Span is a part of the past.
type Span struct {
	Start, End time.Time
	Every      time.Duration
	// Members says who was on which track: an expression (RE2) that the names of pods match completely, outside of a cluster the
	// label instance; where requests are counted at a router, the name of the Service.
	Members map[plan.TrackName]string
}

// A Past gives what was counted instant by instant, as Read would have given it then: by the same queries, of raw counters. It
// keeps one window of instants in memory.
type Past struct {
	store     *Store
	target    string
	key       string
	namespace string
	rules     *rulebook
	span      Span
	members   map[plan.TrackName]*regexp.Regexp
	next      time.Time // the first instant that was not asked for
	size      int       // of the next window
	ready     []moment
}

// A moment is what was counted at one instant.
type moment struct {
	at   time.Time
	seen metric.Snapshot
}

// Past begins to read a target's past. Nothing is asked before Next.
func (s *Store) Past(target string, with json.RawMessage, span Span) (*Past, error) {
	span.Start = span.Start.Truncate(time.Millisecond) // what Prometheus tells apart
	rules, err := decode(with)
	if err == nil && rules.Address == "" {
		err = errors.New("address: says nothing about where Prometheus is")
	}
	if err != nil {
		return nil, fmt.Errorf("read the past of %s: %w", target, err)
	}
	p := &Past{
		store: s, target: target, key: target + "\x00past\x00" + string(with), rules: rules, span: span,
		members: map[plan.TrackName]*regexp.Regexp{}, next: span.Start, size: window,
	}
	if key, err := cluster.ParseKey(target); err == nil {
		p.namespace = key.Namespace
	}
	for track, names := range span.Members {
		if p.members[track], err = regexp.Compile("^(?:" + names + ")$"); err != nil {
			return nil, fmt.Errorf("read the past of %s: names of %s: %w", target, track, err)
		}
	}
	return p, nil
}

// Next returns the next instant, io.EOF after the last.
func (p *Past) Next(ctx context.Context) (time.Time, metric.Snapshot, error) {
	for len(p.ready) == 0 {
		if p.next.After(p.span.End) {
			return time.Time{}, metric.Snapshot{}, io.EOF
		}
		if err := p.read(ctx); err != nil {
			return time.Time{}, metric.Snapshot{}, fmt.Errorf("ask Prometheus about the past of %s: %w", p.target, err)
		}
	}
	first := p.ready[0]
	p.ready = p.ready[1:]
	return first.at, first.seen, nil
}

// read asks for a window; for half of it where the answer is too long.
func (p *Past) read(ctx context.Context) error {
	last := p.next.Add(time.Duration(p.size-1) * p.span.Every)
	if last.After(p.span.End) {
		last = p.span.End
	}
	answers, err := p.ask(ctx, v1.Range{Start: p.next, End: last, Step: p.span.Every})
	if err != nil && p.size > 1 && strings.Contains(err.Error(), tooLong) {
		p.size /= 2
		return nil
	}
	if err != nil {
		return err
	}
	for ; !p.next.After(last); p.next = p.next.Add(p.span.Every) {
		seen, err := p.sort(answers, p.next)
		if err != nil {
			return err
		}
		p.ready = append(p.ready, moment{p.next, seen})
	}
	return nil
}

// ask asks every query of the rulebook, and gives the samples of each by instant.
func (p *Past) ask(ctx context.Context, r v1.Range) ([]map[model.Time]model.Vector, error) {
	to, err := p.store.desk.connections.to(ctx, p.namespace, p.key, p.rules)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, pastWithin)
	defer cancel()
	var answers []map[model.Time]model.Vector
	for _, query := range p.queries() {
		value, _, _, err := to.QueryRange(ctx, query, r)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", p.rules.Address, brief(err))
		}
		series, ok := value.(model.Matrix)
		if !ok {
			return nil, fmt.Errorf("query %s: want a matrix, not a %s", p.rules.Address, value.Type())
		}
		byTime := map[model.Time]model.Vector{}
		for _, one := range series {
			for _, v := range one.Values {
				byTime[v.Timestamp] = append(byTime[v.Timestamp], &model.Sample{Metric: one.Metric, Value: v.Value, Timestamp: v.Timestamp})
			}
			for _, v := range one.Histograms {
				byTime[v.Timestamp] = append(byTime[v.Timestamp], &model.Sample{Metric: one.Metric, Histogram: v.Histogram, Timestamp: v.Timestamp})
			}
		}
		answers = append(answers, byTime)
	}
	return answers, nil
}

func (p *Past) queries() (all []string) {
	var names []string
	for _, track := range p.tracks() {
		names = append(names, p.span.Members[track])
	}
	if len(p.rules.places) == 0 {
		return []string{p.rules.byPodLike(p.namespace, "(?:"+strings.Join(names, ")|(?:")+")")}
	}
	for _, place := range p.rules.places {
		all = append(all, p.rules.byService(place, p.namespace, names))
	}
	return all
}

func (p *Past) tracks() []plan.TrackName {
	return plan.Shares{plan.Stable: 1, plan.Canary: 1}.Tracks()
}

// sort gives what one instant says by track.
func (p *Past) sort(answers []map[model.Time]model.Vector, at time.Time) (metric.Snapshot, error) {
	instant, found := model.TimeFromUnixNano(at.UnixNano()), answer{}
	var subjects []subject
	if len(p.rules.places) > 0 {
		for i, place := range p.rules.places {
			found.add(answers[i][instant], "", func(m model.Metric) string { return p.service(place, string(m[model.LabelName(place.label)])) })
		}
		for track, name := range p.span.Members {
			subjects = append(subjects, subject{track: track, instance: name, name: name})
		}
	} else {
		label := model.LabelName(p.rules.Labels.Pod)
		if p.namespace == "" {
			label = model.LabelName(p.rules.Labels.Instance)
		}
		found.add(answers[0][instant], p.rules.Labels.Instance, func(m model.Metric) string { return string(m[label]) })
		for name := range found {
			track, err := p.track(name)
			if err != nil {
				return metric.Snapshot{}, err
			}
			subjects = append(subjects, subject{track: track, instance: name, name: name})
		}
	}
	q := metric.Question{Target: p.target, Tracks: map[plan.TrackName][]plan.Endpoint{}}
	for track := range p.span.Members {
		q.Tracks[track] = nil
	}
	seen := gather(q, p.rules, subjects, found, nil)
	for track := range q.Tracks {
		if len(seen.Tracks[track]) == 0 && seen.Problems[track] == "" {
			delete(seen.Tracks, track)
			seen.Problems[track] = fmt.Sprintf("nothing was counted for %s", p.span.Members[track])
		}
	}
	return seen, nil
}

// track is whose a pod is.
func (p *Past) track(name string) (plan.TrackName, error) {
	var mine []plan.TrackName
	for track, like := range p.members {
		if like.MatchString(name) {
			mine = append(mine, track)
		}
	}
	if len(mine) == 1 {
		return mine[0], nil
	}
	slices.Sort(mine)
	return "", fmt.Errorf("%s is on %d tracks: the names of stable and canary must not overlap", name, len(mine))
}

// service is the Service whose series has this name at a place; "" is nobody's.
func (p *Past) service(at place, value string) string {
	for _, name := range p.span.Members {
		if like, err := at.fits(p.namespace, name); err == nil && like.MatchString(value) {
			return name
		}
	}
	return ""
}
