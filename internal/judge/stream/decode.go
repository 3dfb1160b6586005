package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/plan"
)

// wire is a look as it stands on a line.
type wire struct {
	Release *string                   `json:"release"`
	T       *float64                  `json:"t"`
	Weight  float64                   `json:"weight"`
	Gap     bool                      `json:"gap"`
	Tracks  map[plan.TrackName]*track `json:"tracks"`

	Readings map[string]judge.Reading   `json:"readings"`
	Values   map[string]json.RawMessage `json:"values"`
}

type track struct {
	Pods map[string]tally `json:"pods"`
}

type tally struct {
	Requests count     `json:"requests"`
	Failures count     `json:"failures"`
	Bounds   []float64 `json:"le"`
	Buckets  []count   `json:"buckets"`

	Strata   map[string]tally   `json:"strata"`
	Restarts count              `json:"restarts"`
	Gauges   map[string]float64 `json:"gauges"`
	Sums     map[string]sum     `json:"sums"`
}

type sum struct {
	N     count   `json:"n"`
	Total float64 `json:"total"`
}

// A count is a whole number, however it is written: 412, 412.0 and 4.12e2 are the same.
type count int64

// UnmarshalJSON reads a whole number.
func (c *count) UnmarshalJSON(data []byte) error {
	if n, err := strconv.ParseInt(string(data), 10, 64); err == nil {
		*c = count(n)
		return nil
	}
	f, err := strconv.ParseFloat(string(data), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return fmt.Errorf("%.40s is not a whole number of requests", data)
	}
	*c = count(f)
	return nil
}

// Decode reads one line. A track that is null, or has no pods at all, was not scraped; one with "pods":{} was, and had none.
func Decode(line []byte) (release string, look judge.Look, err error) {
	var w wire
	if err := json.Unmarshal(line, &w); err != nil {
		return "", judge.Look{}, fmt.Errorf("read look: %w", err)
	}
	if w.T == nil {
		return "", judge.Look{}, errors.New("read look: t is missing")
	}
	if w.Release == nil {
		return "", judge.Look{}, errors.New("read look: release is missing")
	}
	look = judge.Look{T: *w.T, Weight: w.Weight, Gap: w.Gap, Readings: readings(w.Readings, w.Values)}
	for name, t := range w.Tracks {
		if t == nil || t.Pods == nil {
			continue
		}
		if look.Tracks == nil {
			look.Tracks = make(map[plan.TrackName]judge.Counts, len(w.Tracks))
		}
		look.Tracks[name] = t.counts()
	}
	return *w.Release, look, nil
}

func (t *track) counts() judge.Counts { return judge.Counts{Pods: tallies(t.Pods)} }

func tallies(from map[string]tally) map[string]judge.Tally {
	to := make(map[string]judge.Tally, len(from))
	for name, t := range from {
		to[name] = t.tally()
	}
	return to
}

func (t tally) tally() judge.Tally {
	to := judge.Tally{
		Requests: int64(t.Requests), Failures: int64(t.Failures), Bounds: t.Bounds, Restarts: int64(t.Restarts), Gauges: t.Gauges,
	}
	if t.Buckets != nil {
		to.Buckets = make([]int64, len(t.Buckets))
		for i, b := range t.Buckets {
			to.Buckets[i] = int64(b)
		}
	}
	if t.Strata != nil {
		to.Strata = tallies(t.Strata)
	}
	if t.Sums != nil {
		to.Sums = make(map[string]judge.Sum, len(t.Sums))
		for name, s := range t.Sums {
			to.Sums[name] = judge.Sum{N: int64(s.N), Total: s.Total}
		}
	}
	return to
}

func trim(line []byte) []byte { return bytes.TrimSpace(line) }
