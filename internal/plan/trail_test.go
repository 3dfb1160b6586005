package plan_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// However long the way is, a trail begins at its beginning, ends at its end, has evenly spaced points between and stays small.
func TestTrailsStaySmall(t *testing.T) {
	trail := plan.Trail{Began: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)}
	for look := range 20_000 {
		before := trail
		firstBefore := append([]plan.Point{}, before.Points...)
		trail = trail.Add(plan.Point{
			T: float64(look) * 5.003, Step: look / 5000, Weight: 12.5, Outcome: plan.Insufficient, Evidence: 1.0 / 3,
			Stable: int64(look) * 1234, Canary: int64(look) * 123, Effects: []plan.Effect{{Value: 1.0 / 3, Low: 1.0 / 7, High: 100.0 / 3}, {Value: 1.0 / 3, Low: 1.0 / 7, High: 100.0 / 3}},
		}, []string{"failures", "latency"})
		if !reflect.DeepEqual(before.Points, firstBefore) && len(before.Points) > 0 {
			t.Fatalf("look %d changed the trail that was there before", look)
		}
		if n := len(trail.Points); n > plan.TrailLimit || trail.Points[0].T != 0 || trail.Points[n-1].T != float64(look)*5.003 {
			t.Fatalf("after %d looks the trail has %d points, from %g to %g s", look+1, n, trail.Points[0].T, trail.Points[n-1].T)
		}
		for i := 1; i < len(trail.Points)-1; i++ {
			if apart := trail.Points[i].T - trail.Points[i-1].T; apart < float64(trail.Stride)*5 || apart > float64(trail.Stride)*5.01 {
				t.Fatalf("after %d looks points %d and %d are %g s apart, the stride is %d looks", look+1, i-1, i, apart, trail.Stride)
			}
		}
	}
	bounds := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	for _, track := range []plan.TrackName{plan.Stable, plan.Canary, plan.Stable} {
		trail = trail.Time(track, bounds, []int64{1e6, 2e6, 3e6, 4e6, 5e6, 6e6, 7e6, 8e6, 9e6, 9e6, 9e6}, 1e7)
	}
	if s := trail.Latency[plan.Stable]; s.Requests != 2e7 || s.Buckets[0] != 2e6 || trail.Latency[plan.Canary].Buckets[0] != 1e6 {
		t.Errorf("latencies do not add up: %+v", trail.Latency)
	}
	if other := trail.Time(plan.Stable, []float64{1}, []int64{1}, 1); !reflect.DeepEqual(other, trail) {
		t.Error("buckets of other bounds were added")
	}
	data, err := json.Marshal(trail)
	if err != nil || len(data) > 8<<10 {
		t.Fatalf("at rest it has %d bytes, %v", len(data), err)
	}
	var back, again plan.Trail
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if twice, _ := json.Marshal(back); string(twice) != string(data) || json.Unmarshal(twice, &again) != nil || !reflect.DeepEqual(back, again) {
		t.Error("it does not read back as it was written")
	}
	if err := json.Unmarshal([]byte(`[1,2,3]`), &plan.Point{}); err == nil {
		t.Error("a point of three numbers was read")
	}
}
