package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// Driver describes this metric store to the catalog.
var Driver = metric.Driver{
	Name:  "proxy",
	Local: true,
	Check: Check,
	New:   func(env metric.Env) (metric.Store, error) { return New(env) },
}

// Check refuses all settings: there are none.
func Check(with json.RawMessage) error {
	if len(bytes.TrimSpace(with)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(with))
	d.DisallowUnknownFields()
	var none struct{}
	if err := d.Decode(&none); err != nil {
		return fmt.Errorf("read settings of the proxy's metrics, which has none: %w", err)
	}
	return nil
}

// A Store reads the counters of the embedded proxy.
type Store struct {
	counted func(target string) map[string]metric.Counters
}

// New returns the store. Without an embedded proxy in the program there is nothing it could read.
func New(env metric.Env) (*Store, error) {
	if env.Counted == nil {
		return nil, errors.New("read the proxy's counters: this program has no embedded proxy")
	}
	return &Store{counted: env.Counted}, nil
}

// Read picks the counters of the instances asked for. An instance that the proxy has never been told of is missing; a track
// of which that is true for every instance is a problem of that track. A target the proxy does not serve is an error.
func (s *Store) Read(ctx context.Context, q metric.Question) (metric.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return metric.Snapshot{}, fmt.Errorf("read counters of %s: %w", q.Target, err)
	}
	if err := Check(q.With); err != nil {
		return metric.Snapshot{}, err
	}
	all := s.counted(q.Target)
	if all == nil {
		return metric.Snapshot{}, fmt.Errorf("read counters of %s: the embedded proxy does not serve it", q.Target)
	}
	snapshot := metric.Snapshot{Tracks: map[plan.TrackName]map[string]metric.Counters{}}
	for track, endpoints := range q.Tracks {
		picked := map[string]metric.Counters{}
		for _, e := range endpoints {
			if c, ok := all[e.Instance]; ok {
				picked[e.Instance] = c
			}
		}
		if len(picked) == 0 && len(endpoints) > 0 {
			if snapshot.Problems == nil {
				snapshot.Problems = map[plan.TrackName]string{}
			}
			snapshot.Problems[track] = fmt.Sprintf("the proxy was not told of any of the %d instances of track %s", len(endpoints), track)
			continue
		}
		snapshot.Tracks[track] = picked
	}
	return snapshot, nil
}
