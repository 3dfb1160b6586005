package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/engine"
	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

const (
	askAtOnce = 8   // queries of one look
	errorMost = 500 // bytes of what a store says
)

// A wanting judge knows which of its queries can still change anything.
type wanting interface {
	Wants(state judge.State, metric string) bool
}

// dueQueries lists the queries of an analysis that are to be asked now.
func dueQueries(a plan.Analysis, e releases.Evidence, j judge.Judge, state judge.State, now time.Time) []plan.Query {
	w, wants := j.(wanting)
	var all []plan.Query
	for _, q := range a.Queries {
		if isDue(q, e, now) && (!wants || w.Wants(state, q.Name)) {
			all = append(all, q)
		}
	}
	return all
}

// isDue reports whether it is time for a query. Its times are a grid from the beginning of the analysis, so that late looks do not
// add up.
func isDue(q plan.Query, e releases.Evidence, now time.Time) bool {
	first := e.Began.Add(q.After)
	last, asked := e.Asked[q.Name]
	switch {
	case now.Before(first):
		return false
	case !asked:
		return true
	case last.Failed && q.Retry > 0:
		return !now.Before(last.At.Add(q.Retry))
	case q.Every <= 0:
		return false
	}
	return now.Sub(first)/q.Every > last.At.Sub(first)/q.Every
}

// ask asks queries at once. One that fails is an answer that says so; it never stops the round.
func (l *Loop) ask(ctx context.Context, r *release, queries []plan.Query, from time.Time, seen engine.Sight) map[string]judge.Reading {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	answers := make([]judge.Reading, len(queries))
	var group errgroup.Group
	group.SetLimit(askAtOnce)
	for i, q := range queries {
		group.Go(func() error {
			answer, err := l.answer(ctx, q.Source, metric.QueryQuestion{
				Target: r.Target, Words: words(r, seen, q), With: q.Source.With, From: from, To: seen.Now,
			})
			if err != nil {
				answer = judge.Reading{Error: shortened(err.Error())}
			}
			answers[i] = answer
			return nil
		})
	}
	_ = group.Wait() // no query ends the others
	readings := map[string]judge.Reading{}
	for i, q := range queries {
		readings[q.Name] = answers[i]
	}
	return readings
}

func (l *Loop) answer(ctx context.Context, from plan.Use, q metric.QueryQuestion) (judge.Reading, error) {
	store, ok := l.Metrics[from.Kind].(metric.Querier)
	if !ok {
		return judge.Reading{}, fmt.Errorf("no metric store %q answers queries", from.Kind)
	}
	if ctx.Err() != nil {
		return judge.Reading{}, fmt.Errorf("not asked: the queries before it took longer than %s", readWithin)
	}
	return store.Query(ctx, q)
}

func shortened(text string) string {
	if len(text) <= errorMost {
		return text
	}
	return strings.ToValidUTF8(text[:errorMost], "") + "..."
}

// asked notes down what was asked. The map of the record is not written into.
func asked(before map[string]releases.Asking, readings map[string]judge.Reading, now time.Time) map[string]releases.Asking {
	if len(readings) == 0 {
		return before
	}
	after := maps.Clone(before)
	if after == nil {
		after = map[string]releases.Asking{}
	}
	for name, reading := range readings {
		after[name] = releases.Asking{At: now, Failed: reading.Error != ""}
	}
	return after
}

// moved shifts times along with the beginning of their analysis, when the clock was set back.
func moved(before map[string]releases.Asking, by time.Duration) map[string]releases.Asking {
	after := maps.Clone(before)
	for name, one := range after {
		one.At = one.At.Add(by)
		after[name] = one
	}
	return after
}

// words are what a query may name, as it is now. What there is none of is left out, so that a query that names it is an error
// and not one about everything.
func words(r *release, seen engine.Sight, q plan.Query) metric.Words {
	_, name, _ := cut(r.Target)
	w := metric.Words{metric.WordTarget: name, metric.WordNamespace: "", metric.WordInterval: metric.Interval(q.Window)}
	key, err := cluster.ParseKey(r.Target)
	if err == nil {
		w[metric.WordTarget], w[metric.WordNamespace] = key.Name, key.Namespace
	}
	put := func(word, value string) {
		if value != "" {
			w[word] = value
		}
	}
	put(metric.WordCanaryRevision, string(r.Plan.Canary))
	put(metric.WordStableRevision, string(r.Plan.Stable))
	for _, t := range r.wanted().Tracks {
		for _, p := range seen.Pools {
			if p.Name != t.Pool {
				continue
			}
			switch t.Name {
			case plan.Canary:
				put(metric.WordCanary, alternatives(p.Endpoints, err == nil))
				put(metric.WordCanaryService, p.Service)
			case plan.Stable:
				put(metric.WordStable, alternatives(p.Endpoints, err == nil))
				put(metric.WordStableService, p.Service)
			}
		}
	}
	return w
}

// alternatives is an expression for instances as stores know them: pods by name, elsewhere host and port. What could mean
// something else in an expression fits any character.
func alternatives(endpoints []plan.Endpoint, onCluster bool) string {
	var names []string
	for _, e := range endpoints[:min(len(endpoints), remembered)] {
		name, _, _ := strings.Cut(e.Instance, "@")
		if u, err := url.Parse(e.URL); err == nil && !onCluster {
			name = cmp.Or(u.Host, name)
		}
		names = append(names, strings.Map(plain, name))
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "|")
}

func plain(c rune) rune {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.ContainsRune("._:-", c):
		return c
	}
	return '.'
}
