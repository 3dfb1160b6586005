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

func (t *track) counts() judge.Counts {
	pods := make(map[string]judge.Tally, len(t.Pods))
	for name, from := range t.Pods {
		to := judge.Tally{Requests: int64(from.Requests), Failures: int64(from.Failures), Bounds: from.Bounds}
		if from.Buckets != nil {
			to.Buckets = make([]int64, len(from.Buckets))
			for i, b := range from.Buckets {
				to.Buckets[i] = int64(b)
			}
		}
		pods[name] = to
	}
	return judge.Counts{Pods: pods}
}

func trim(line []byte) []byte { return bytes.TrimSpace(line) }
