package metric_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

type (
	tracks = map[plan.TrackName]map[string]metric.Counters
	looked = map[plan.TrackName]judge.Counts
)

func counted(requests, failures int64) metric.Counters {
	return metric.Counters{Requests: requests, Failures: failures}
}

func timed(requests int64, bounds []float64, buckets ...int64) metric.Counters {
	return metric.Counters{Requests: requests, Bounds: bounds, Buckets: buckets}
}

func stable(pods map[string]metric.Counters) metric.Snapshot {
	return metric.Snapshot{Tracks: tracks{plan.Stable: pods}}
}

func look(pods map[string]judge.Tally) looked {
	return looked{plan.Stable: judge.Counts{Pods: pods}}
}

func TestIncrements(t *testing.T) {
	le := []float64{0.1, 0.5}
	cases := []struct {
		reason     string
		prev, next metric.Snapshot
		want       looked
		gap        bool
	}{
		{
			reason: "the first snapshot is only the base",
			next:   stable(map[string]metric.Counters{"a": counted(1e6, 10)}),
			gap:    true,
		},
		{
			reason: "what grew is the difference",
			prev:   stable(map[string]metric.Counters{"a": {Requests: 100, Failures: 1, Bounds: le, Buckets: []int64{80, 99}}}),
			next:   stable(map[string]metric.Counters{"a": {Requests: 110, Failures: 3, Bounds: le, Buckets: []int64{85, 108}}}),
			want:   look(map[string]judge.Tally{"a": {Requests: 10, Failures: 2, Bounds: le, Buckets: []int64{5, 9}}}),
		},
		{
			reason: "a smaller total was reset, and the new total is new",
			prev:   stable(map[string]metric.Counters{"a": timed(5000, le, 4000, 4900)}),
			next:   stable(map[string]metric.Counters{"a": timed(7, le, 5, 6)}),
			want:   look(map[string]judge.Tally{"a": {Requests: 7, Bounds: le, Buckets: []int64{5, 6}}}),
		},
		{
			reason: "fewer failures are a reset even where the requests have caught up",
			prev:   stable(map[string]metric.Counters{"a": counted(50, 20)}),
			next:   stable(map[string]metric.Counters{"a": counted(60, 0)}),
			want:   look(map[string]judge.Tally{"a": {Requests: 60}}),
		},
		{
			reason: "a million that lost one is no restart; counting a million would be absurd",
			prev:   stable(map[string]metric.Counters{"a": counted(1e6, 0), "b": counted(10, 0)}),
			next:   stable(map[string]metric.Counters{"a": counted(1e6-1, 0), "b": counted(12, 0)}),
			want:   look(map[string]judge.Tally{"b": {Requests: 2}}),
		},
		{
			reason: "a new instance counts from its birth",
			prev:   stable(map[string]metric.Counters{"a": counted(100, 0)}),
			next:   stable(map[string]metric.Counters{"a": counted(100, 0), "b": timed(4, le, 4, 4)}),
			want:   look(map[string]judge.Tally{"a": {}, "b": {Requests: 4, Bounds: le, Buckets: []int64{4, 4}}}),
		},
		{
			reason: "an instance that could have been overlooked is not new",
			prev:   metric.Snapshot{Tracks: tracks{plan.Stable: {"a": counted(1, 0)}}, Problems: map[plan.TrackName]string{plan.Stable: "b hangs"}},
			next:   stable(map[string]metric.Counters{"a": counted(2, 0), "b": counted(1e6, 5)}),
			want:   look(map[string]judge.Tally{"a": {Requests: 1}}),
		},
		{
			reason: "a track that was never read before is a base, not a look",
			prev:   metric.Snapshot{Problems: map[plan.TrackName]string{plan.Stable: "timed out"}},
			next:   stable(map[string]metric.Counters{"a": counted(1e6, 5)}),
			gap:    true,
		},
		{
			reason: "a track that had a problem, where another one had none, is a base as well",
			prev:   metric.Snapshot{Tracks: tracks{plan.Canary: {}}, Problems: map[plan.TrackName]string{plan.Stable: "timed out"}},
			next:   stable(map[string]metric.Counters{"a": counted(1e6, 5)}),
			want:   looked{},
			gap:    true,
		},
		{
			reason: "a track that did not exist before is all new",
			prev:   stable(map[string]metric.Counters{"a": counted(1, 0)}),
			next:   metric.Snapshot{Tracks: tracks{plan.Stable: {"a": counted(1, 0)}, plan.Canary: {"c": counted(9, 1)}}},
			want: looked{
				plan.Stable: {Pods: map[string]judge.Tally{"a": {}}},
				plan.Canary: {Pods: map[string]judge.Tally{"c": {Requests: 9, Failures: 1}}},
			},
		},
		{
			reason: "a vanished instance gives nothing",
			prev:   stable(map[string]metric.Counters{"a": counted(5, 0), "b": counted(7, 0)}),
			next:   stable(map[string]metric.Counters{"a": counted(6, 0)}),
			want:   look(map[string]judge.Tally{"a": {Requests: 1}}),
		},
		{
			reason: "other bounds leave out the latency alone",
			prev:   stable(map[string]metric.Counters{"a": timed(10, le, 5, 9)}),
			next:   stable(map[string]metric.Counters{"a": timed(12, []float64{0.1, 0.6}, 6, 10)}),
			want:   look(map[string]judge.Tally{"a": {Requests: 2}}),
		},
		{
			reason: "buckets that appear late say nothing about what came before",
			prev:   stable(map[string]metric.Counters{"a": counted(10, 0)}),
			next:   stable(map[string]metric.Counters{"a": timed(12, le, 6, 10)}),
			want:   look(map[string]judge.Tally{"a": {Requests: 2}}),
		},
		{
			reason: "more in the buckets than requests is a contradiction",
			prev:   stable(map[string]metric.Counters{"a": timed(10, le, 5, 9)}),
			next:   stable(map[string]metric.Counters{"a": timed(11, le, 8, 12)}),
			want:   look(map[string]judge.Tally{"a": {Requests: 1}}),
		},
		{
			reason: "there are no more failures than requests",
			prev:   stable(map[string]metric.Counters{"a": counted(10, 0)}),
			next:   stable(map[string]metric.Counters{"a": counted(11, 2)}),
			want:   look(map[string]judge.Tally{"a": {Requests: 1, Failures: 1}}),
		},
		{
			reason: "promotion moves an instance to another track",
			prev:   metric.Snapshot{Tracks: tracks{plan.Stable: {"a": counted(5, 0)}, plan.Canary: {"c": counted(90, 3)}}},
			next:   stable(map[string]metric.Counters{"c": counted(92, 3)}),
			want:   look(map[string]judge.Tally{"c": {Requests: 2}}),
		},
		{
			reason: "nothing could be read",
			prev:   stable(map[string]metric.Counters{"a": counted(5, 0)}),
			next:   metric.Snapshot{Problems: map[plan.TrackName]string{plan.Stable: "timed out"}},
			want:   looked{},
			gap:    true,
		},
		{
			reason: "a track without instances was read: nothing was counted",
			prev:   stable(map[string]metric.Counters{"a": counted(5, 0)}),
			next:   stable(map[string]metric.Counters{}),
			want:   look(map[string]judge.Tally{}),
		},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			got, gap := metric.Increments(c.prev, c.next)
			if !reflect.DeepEqual(got, c.want) || gap != c.gap {
				t.Errorf("got %+v, gap %v; want %+v, gap %v", got, gap, c.want, c.gap)
			}
		})
	}
}

// A failure that was read before its request is counted with the next look.
func TestHeldBackFailuresAreNotLost(t *testing.T) {
	base := stable(map[string]metric.Counters{"a": counted(10, 0)})
	torn := stable(map[string]metric.Counters{"a": counted(11, 2)})
	whole := stable(map[string]metric.Counters{"a": counted(12, 2)})
	got, _ := metric.Increments(metric.Carry(base, torn), whole)
	if want := look(map[string]judge.Tally{"a": {Requests: 1, Failures: 1}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// An instance that could not be asked for a while is not counted twice.
func TestCarryRemembersWhoIsAway(t *testing.T) {
	base := stable(map[string]metric.Counters{"a": counted(100, 0), "b": counted(100, 0)})
	away := stable(map[string]metric.Counters{"a": counted(110, 0)})
	back := stable(map[string]metric.Counters{"a": counted(120, 0), "b": counted(105, 0)})
	got, _ := metric.Increments(metric.Carry(base, away), back)
	if want := look(map[string]judge.Tally{"a": {Requests: 10}, "b": {Requests: 5}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// histories draws the counters of a few instances over time: they grow, are born, cannot be read now and then, and move
// from canary to stable at some time.
func histories(t *rapid.T) []metric.Snapshot {
	length := rapid.IntRange(2, 12).Draw(t, "length")
	promoted := rapid.IntRange(1, length).Draw(t, "promoted")
	state := map[string]metric.Counters{}
	born := map[string]int{"a": 0, "b": 0}
	for _, name := range []string{"c", "d"} {
		born[name] = rapid.IntRange(0, length-1).Draw(t, "birth of "+name)
	}
	var all []metric.Snapshot
	for at := range length {
		s := metric.Snapshot{Tracks: tracks{plan.Stable: {}, plan.Canary: {}}, Problems: map[plan.TrackName]string{}}
		for _, name := range slices.Sorted(maps.Keys(born)) {
			if at < born[name] {
				continue
			}
			state[name] = grow(t, state[name])
			track := plan.Stable
			if name > "b" && at < promoted {
				track = plan.Canary
			}
			s.Tracks[track][name] = state[name]
		}
		if at > 0 && at < length-1 { // between the ends, whole tracks may be unreadable
			for _, track := range []plan.TrackName{plan.Stable, plan.Canary} {
				if rapid.Bool().Draw(t, fmt.Sprintf("%s unreadable at %d", track, at)) {
					delete(s.Tracks, track)
				}
			}
		}
		all = append(all, s)
	}
	return all
}

func grow(t *rapid.T, c metric.Counters) metric.Counters {
	low := rapid.Int64Range(0, 50).Draw(t, "fast")
	mid := rapid.Int64Range(0, 20).Draw(t, "slow")
	high := rapid.Int64Range(0, 5).Draw(t, "slower")
	next := metric.Counters{Bounds: []float64{0.1, 1}, Buckets: []int64{low, low + mid}, Requests: c.Requests + low + mid + high}
	next.Failures = c.Failures + rapid.Int64Range(0, low+mid+high).Draw(t, "failures")
	for i := range c.Buckets {
		next.Buckets[i] += c.Buckets[i]
	}
	return next
}

// sum walks a history with the given stops and adds up what each instance counted.
func sum(history []metric.Snapshot, stop func(at int) bool) map[string]judge.Tally {
	total := map[string]judge.Tally{}
	base := history[0]
	for at := 1; at < len(history); at++ {
		if !stop(at) {
			continue
		}
		got, _ := metric.Increments(base, history[at])
		for _, counts := range got {
			for name, tally := range counts.Pods {
				before := total[name]
				tally.Requests += before.Requests
				tally.Failures += before.Failures
				for i := range before.Buckets {
					tally.Buckets[i] += before.Buckets[i]
				}
				total[name] = tally
			}
		}
		base = metric.Carry(base, history[at])
	}
	return total
}

func TestNoEvidenceIsLostHoweverOneLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := histories(t)
		last := len(history) - 1
		stops := rapid.SliceOfN(rapid.Bool(), last+1, last+1).Draw(t, "stops")
		some := sum(history, func(at int) bool { return at == last || stops[at] })
		once := sum(history, func(at int) bool { return at == last })
		if !reflect.DeepEqual(some, once) {
			t.Fatalf("looked at %v: %+v; once: %+v", stops, some, once)
		}
	})
}
