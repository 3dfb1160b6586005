package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/prometheus"
	"serin.dev/serin/internal/plan"
)

// A Query says what to read out of a Prometheus.
type Query struct {
	Address    string
	With       json.RawMessage // settings of the metric store; the address given here takes the place of theirs
	Target     string
	Members    map[plan.TrackName]string // see prometheus.Span
	Start, End time.Time
	Every      time.Duration // between looks
}

// History of stable that judges are shown, and how far apart.
const (
	history      = 30 * time.Minute
	historyEvery = 10 * time.Second
)

// Settings are those that the query is asked with.
func (q Query) Settings() (json.RawMessage, error) { return atAddress(q.With, q.Address) }

// atAddress puts an address in the place of the settings' own.
func atAddress(settings json.RawMessage, address string) (json.RawMessage, error) {
	with := map[string]json.RawMessage{}
	if len(settings) > 0 {
		if err := json.Unmarshal(settings, &with); err != nil {
			return nil, fmt.Errorf("read the settings of the metric store: %w", err)
		}
	}
	text, err := json.Marshal(address)
	if err != nil {
		return nil, err
	}
	with["address"] = text
	return json.Marshal(with)
}

// FromPrometheus is a recording that Prometheus made: the half hour of stable before the release, and then the release.
func FromPrometheus(h Head, q Query) (Tape, error) {
	if !q.End.After(q.Start) {
		return nil, fmt.Errorf("read the past of %s: the end, %s, does not come after the start, %s", q.Target, q.End.Format(time.RFC3339), q.Start.Format(time.RFC3339))
	}
	with, err := q.Settings()
	if err != nil {
		return nil, err
	}
	store := prometheus.New(metric.Env{})
	before, err := store.Past(q.Target, with, prometheus.Span{
		Start: q.Start.Add(-history), End: q.Start.Add(-historyEvery), Every: historyEvery, Members: q.Members,
	})
	if err != nil {
		return nil, err
	}
	during, err := store.Past(q.Target, with, prometheus.Span{Start: q.Start, End: q.End, Every: q.Every, Members: q.Members})
	if err != nil {
		return nil, err
	}
	h.Start = q.Start
	return &asked{head: h, query: q, store: store, before: before, during: during}, nil
}

// asked is a tape out of Prometheus. How much traffic was meant for the canary nobody has recorded, so it is told from what came.
type asked struct {
	head           Head
	query          Query
	store          *prometheus.Store
	before, during *prometheus.Past
	last           metric.Snapshot
	weights        weights
}

func (a *asked) Head() Head { return a.head }

// Next asks for the next instant.
func (a *asked) Next(ctx context.Context) (Frame, error) {
	at, seen, err := a.before.Next(ctx)
	if err == nil {
		delete(seen.Tracks, plan.Canary) // history is of stable alone; who is on the canary already has counted before
		seen.Problems[plan.Canary] = "before the release"
		return Frame{At: at, Snapshot: seen}, nil
	}
	if !errors.Is(err, io.EOF) {
		return Frame{}, err
	}
	if at, seen, err = a.during.Next(ctx); err != nil {
		return Frame{}, err
	}
	f := Frame{At: at, Snapshot: seen}
	if tracks, gap := metric.Increments(a.last, seen); !gap {
		a.weights.see(requests(tracks[plan.Canary]), requests(tracks[plan.Stable]))
	}
	a.last = metric.Carry(a.last, seen)
	weight := a.weights.percent()
	f.Weight = &weight
	return f, nil
}

// Answer asks a query of the plan's about the past. Who was on which track is what the user said of it; of the names that live
// tracks have besides, only the canary's revision may be known.
func (a *asked) Answer(ctx context.Context, at time.Time, from plan.Use, q metric.QueryQuestion) (judge.Reading, error) {
	if from.Kind != prometheus.Driver.Name {
		return judge.Reading{}, fmt.Errorf("this query asks %s, and only a Prometheus keeps the past", from.Kind)
	}
	with, err := atAddress(from.With, a.query.Address)
	if err != nil {
		return judge.Reading{}, err
	}
	q.At, q.With, q.Words = at, with, maps.Clone(q.Words)
	for _, made := range []string{metric.WordStableRevision, metric.WordCanaryService, metric.WordStableService} {
		delete(q.Words, made)
	}
	for track, word := range map[plan.TrackName]string{plan.Stable: metric.WordStable, plan.Canary: metric.WordCanary} {
		q.Words[word] = quoted.Replace(a.query.Members[track])
	}
	return a.store.Query(ctx, q)
}

// quoted writes an expression as it stands between the double quotes of a query.
var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
