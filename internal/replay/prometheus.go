package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

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
func (q Query) Settings() (json.RawMessage, error) {
	with := map[string]json.RawMessage{}
	if len(q.With) > 0 {
		if err := json.Unmarshal(q.With, &with); err != nil {
			return nil, fmt.Errorf("read the settings of the metric store: %w", err)
		}
	}
	address, err := json.Marshal(q.Address)
	if err != nil {
		return nil, err
	}
	with["address"] = address
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
	return &asked{head: h, before: before, during: during}, nil
}

// asked is a tape out of Prometheus. How much traffic was meant for the canary nobody has recorded, so it is told from what came.
type asked struct {
	head           Head
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
