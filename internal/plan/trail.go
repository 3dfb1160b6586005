package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// TrailLimit bounds the points of a trail. With two metrics a full trail has some 7 kB at rest.
const TrailLimit = 100

// boundsMost bounds how many latency buckets a trail keeps apart.
const boundsMost = 40

// A Trail is what an analysis saw on its way, for plots of the release: the first look, the latest, and between them evenly
// spaced ones, the further apart the longer the way.
type Trail struct {
	Began   time.Time            `json:"began"`   // points count seconds from here
	Metrics []string             `json:"metrics"` // what the effects of a point are about
	Looks   int                  `json:"looks"`
	Stride  int                  `json:"stride"` // looks from point to point
	Points  []Point              `json:"points"`
	Latency map[TrackName]Timing `json:"latency,omitempty"` // of all requests of the release
}

// A Point is what was known after one look. At rest it is a list of numbers, in the order of the fields.
type Point struct {
	T              float64 // seconds
	Step           int
	Weight         float64 // per cent of traffic meant for the canary
	Outcome        Outcome
	Evidence       float64 // on the scale of the verdict's limit
	Stable, Canary int64   // requests so far
	Effects        []Effect
}

// An Effect is a metric of the canary over that of stable, with its always-valid interval.
type Effect struct{ Value, Low, High float64 }

// A Timing counts requests by how long they took.
type Timing struct {
	Requests int64     `json:"requests"`
	Bounds   []float64 `json:"le"`      // seconds
	Buckets  []int64   `json:"buckets"` // cumulative over Bounds
}

// Add returns the trail with one more look. The trail itself is not changed.
func (t Trail) Add(p Point, metrics []string) Trail {
	if len(t.Points) > 0 && !slices.Equal(metrics, t.Metrics) { // what the points before say is about other metrics
		t.Points = slices.Clone(t.Points)
		for i := range t.Points {
			t.Points[i].Effects = nil
		}
	}
	t.Metrics, t.Stride = metrics, max(1, t.Stride)
	if n := len(t.Points); n > 1 && (t.Looks-1)%t.Stride != 0 {
		t.Points = append(slices.Clone(t.Points[:n-1]), p) // the last one stood there only because it was the last
	} else {
		t.Points = append(slices.Clone(t.Points), p)
	}
	t.Looks++
	if len(t.Points) > TrailLimit {
		var kept []Point
		for i := 0; i < len(t.Points); i += 2 {
			kept = append(kept, t.Points[i])
		}
		t.Points, t.Stride = kept, 2*t.Stride
	}
	return t
}

// Time returns the trail with the latencies of one more look. Buckets of other bounds than before are passed over.
func (t Trail) Time(track TrackName, bounds []float64, buckets []int64, requests int64) Trail {
	if len(bounds) == 0 || len(bounds) > boundsMost || len(buckets) != len(bounds) {
		return t
	}
	had := t.Latency[track]
	if len(had.Bounds) > 0 && !slices.Equal(had.Bounds, bounds) {
		return t
	}
	now := Timing{Requests: had.Requests + requests, Bounds: slices.Clone(bounds), Buckets: slices.Clone(buckets)}
	for i, n := range had.Buckets {
		now.Buckets[i] += n
	}
	all := map[TrackName]Timing{}
	maps.Copy(all, t.Latency)
	all[track] = now
	t.Latency = all
	return t
}

// MarshalJSON writes the point as a list.
func (p Point) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	number := func(x float64, digits int) {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			x = 0
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = strconv.AppendFloat(out, rounded(x, digits), 'g', -1, 64)
	}
	number(p.T, 6)
	number(float64(p.Step), 6)
	number(p.Weight, 4)
	out = append(out, ',', '"')
	out = append(append(out, p.Outcome...), '"')
	number(p.Evidence, 3)
	out = strconv.AppendInt(append(out, ','), p.Stable, 10)
	out = strconv.AppendInt(append(out, ','), p.Canary, 10)
	for _, e := range p.Effects {
		number(e.Value, 3)
		number(e.Low, 3)
		number(e.High, 3)
	}
	return append(out, ']'), nil
}

func rounded(x float64, digits int) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Point) UnmarshalJSON(data []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	const fixed = 7
	if len(list) < fixed || (len(list)-fixed)%3 != 0 {
		return fmt.Errorf("decode a point of a trail: %d numbers", len(list))
	}
	*p = Point{}
	into := []any{&p.T, &p.Step, &p.Weight, &p.Outcome, &p.Evidence, &p.Stable, &p.Canary}
	if n := (len(list) - fixed) / 3; n > 0 {
		p.Effects = make([]Effect, n)
	}
	for i := range p.Effects {
		into = append(into, &p.Effects[i].Value, &p.Effects[i].Low, &p.Effects[i].High)
	}
	for i, to := range into {
		if err := json.Unmarshal(list[i], to); err != nil {
			return fmt.Errorf("decode number %d of a point of a trail: %w", i, err)
		}
	}
	return nil
}
