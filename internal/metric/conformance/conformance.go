package conformance

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

// A Subject is a metric store to be tested.
type Subject struct {
	Driver metric.Driver
	// Start makes a store and the instances "a" and "b" of stable and "c" of canary, with nothing counted yet.
	Start   func(t *testing.T) Bench
	Refused map[string]json.RawMessage // settings to refuse, by the field the error must name
}

// A Bench is a store and the instances it reads.
type Bench struct {
	Store    metric.Store
	Question metric.Question
	// Answer has an instance answer so many requests, each taking so long. When it returns the store can know.
	Answer func(instance string, requests int, failed bool, took time.Duration)
	// Break makes an instance unreadable; nil where that cannot be.
	Break func(instance string)
}

// patience is what no reading may take.
const patience = 10 * time.Second

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	tests := []struct {
		name string
		run  func(*testing.T, Bench)
	}{
		{"nothing is counted at first", nothingYet},
		{"requests and failures are counted by instance and track", byInstance},
		{"latencies are in their buckets", latencies},
		{"reading changes nothing", readingAgain},
		{"totals only grow", totalsGrow},
		{"increments of looks add up", increments},
		{"a track without instances is there, and empty", emptyTrack},
		{"an instance that is gone does not spoil its track", goneInstance},
		{"a track of which nothing can be read is missing", brokenTrack},
		{"an unreadable instance does not spoil its track", brokenInstance},
		{"a reading ends with its context", cancelled},
		{"snapshots survive being kept", kept},
		{"many may read at once", concurrent},
		{"unknown settings are refused", refusedSettings},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, s.Start(t)) })
	}
	t.Run("settings are checked", func(t *testing.T) {
		if err := s.Driver.Check(nil); err != nil {
			t.Errorf("no settings: %v", err)
		}
		for field, with := range s.Refused {
			if err := s.Driver.Check(with); err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: got %v, want an error that names %s", with, err, field)
			}
		}
	})
}

func (b Bench) read(t *testing.T) metric.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := b.Store.Read(ctx, b.Question)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	for track, instances := range got.Tracks {
		for name, c := range instances {
			check(t, string(track)+"/"+name, c)
		}
	}
	return got
}

// check is what counters must obey everywhere.
func check(t *testing.T, who string, c metric.Counters) {
	t.Helper()
	switch n := len(c.Buckets); {
	case c.Requests < 0 || c.Failures < 0 || c.Failures > c.Requests:
		t.Errorf("%s: %d requests, %d failures", who, c.Requests, c.Failures)
	case len(c.Bounds) != n:
		t.Errorf("%s: %d bounds, %d buckets", who, len(c.Bounds), n)
	case n > 0 && (!slices.IsSorted(c.Buckets) || c.Buckets[0] < 0 || c.Buckets[n-1] > c.Requests):
		t.Errorf("%s: buckets %v of %d requests", who, c.Buckets, c.Requests)
	case n > 0 && (!slices.IsSorted(c.Bounds) || len(slices.Compact(slices.Clone(c.Bounds))) != n):
		t.Errorf("%s: bounds %v", who, c.Bounds)
	}
}

func nothingYet(t *testing.T, b Bench) {
	for track, instances := range b.read(t).Tracks {
		for name, c := range instances {
			if c.Requests != 0 || c.Failures != 0 {
				t.Errorf("%s/%s: %+v", track, name, c)
			}
		}
	}
}

func byInstance(t *testing.T, b Bench) {
	b.Answer("a", 5, false, time.Millisecond)
	b.Answer("a", 2, true, time.Millisecond)
	b.Answer("c", 3, true, time.Millisecond)
	got := b.read(t)
	want := map[plan.TrackName]map[string][2]int64{plan.Stable: {"a": {7, 2}, "b": {0, 0}}, plan.Canary: {"c": {3, 3}}}
	for track, instances := range want {
		for name, numbers := range instances {
			c := got.Tracks[track][name]
			if c.Requests != numbers[0] || c.Failures != numbers[1] {
				t.Errorf("%s/%s: %d requests, %d failures, want %v", track, name, c.Requests, c.Failures, numbers)
			}
		}
		if len(got.Tracks[track]) > len(instances) {
			t.Errorf("%s: got %v, asked for %v", track, got.Tracks[track], instances)
		}
	}
}

func latencies(t *testing.T, b Bench) {
	b.Answer("a", 8, false, 20*time.Millisecond)
	b.Answer("a", 2, true, 3*time.Second)
	c := b.read(t).Tracks[plan.Stable]["a"]
	if len(c.Bounds) == 0 {
		t.Fatalf("no latencies: %+v", c)
	}
	for i, bound := range c.Bounds {
		want := int64(0)
		switch {
		case bound >= 3.01:
			want = 10
		case bound >= 2.9: // the instance's own idea of three seconds
			continue
		case bound >= 0.021:
			want = 8
		case bound >= 0.019:
			continue
		}
		if c.Buckets[i] != want {
			t.Errorf("%d requests took at most %v s, want %d (%v)", c.Buckets[i], bound, want, c.Buckets)
		}
	}
}

func readingAgain(t *testing.T, b Bench) {
	b.Answer("a", 5, true, time.Millisecond)
	first := b.read(t)
	for range 3 {
		if next := b.read(t); !reflect.DeepEqual(first, next) {
			t.Errorf("got %+v, before %+v", next, first)
		}
	}
	first.Tracks[plan.Stable]["a"].Buckets[0]++ // what was handed out belongs to the reader
	if next := b.read(t); reflect.DeepEqual(first, next) {
		t.Error("writing into a snapshot changed the next one")
	}
}

func totalsGrow(t *testing.T, b Bench) {
	before := metric.Counters{}
	for i := range 5 {
		b.Answer("a", i, i%2 == 0, time.Duration(i)*time.Millisecond)
		now := b.read(t).Tracks[plan.Stable]["a"]
		if now.Requests != before.Requests+int64(i) || now.Failures < before.Failures {
			t.Errorf("after %d more: %+v, before %+v", i, now, before)
		}
		before = now
	}
}

func increments(t *testing.T, b Bench) {
	base := b.read(t)
	var requests, failures int64
	for i := 1; i <= 4; i++ {
		b.Answer("c", i, i%2 == 0, time.Millisecond)
		now := b.read(t)
		tracks, gap := metric.Increments(base, now)
		if gap {
			t.Fatal("there is a gap")
		}
		requests += tracks[plan.Canary].Pods["c"].Requests
		failures += tracks[plan.Canary].Pods["c"].Failures
		base = metric.Carry(base, now)
	}
	if requests != 10 || failures != 6 {
		t.Errorf("the looks add up to %d requests and %d failures, want 10 and 6", requests, failures)
	}
}

func emptyTrack(t *testing.T, b Bench) {
	b.Question.Tracks = map[plan.TrackName][]plan.Endpoint{plan.Stable: b.Question.Tracks[plan.Stable], plan.Baseline: nil}
	got := b.read(t)
	if instances, there := got.Tracks[plan.Baseline]; !there || len(instances) != 0 || got.Problems[plan.Baseline] != "" {
		t.Errorf("got %+v", got)
	}
}

func goneInstance(t *testing.T, b Bench) {
	b.Answer("a", 1, false, time.Millisecond)
	b.Question.Tracks[plan.Stable] = append(slices.Clone(b.Question.Tracks[plan.Stable]), plan.Endpoint{Instance: "gone"})
	got := b.read(t)
	if got.Tracks[plan.Stable]["a"].Requests != 1 {
		t.Errorf("got %+v", got)
	}
	if c, there := got.Tracks[plan.Stable]["gone"]; there {
		t.Errorf("counters of an instance that never was: %+v", c)
	}
}

func brokenTrack(t *testing.T, b Bench) {
	if b.Break == nil {
		t.Skip("the store's instances cannot break")
	}
	b.Answer("a", 1, false, time.Millisecond)
	b.Break("c")
	got := b.read(t)
	if _, there := got.Tracks[plan.Canary]; there || got.Problems[plan.Canary] == "" {
		t.Errorf("got %+v", got)
	}
	if got.Tracks[plan.Stable]["a"].Requests != 1 || got.Problems[plan.Stable] != "" {
		t.Errorf("got %+v", got)
	}
	b.Break("a")
	b.Break("b")
	if got, err := b.Store.Read(t.Context(), b.Question); err == nil || len(got.Tracks) != 0 {
		t.Errorf("nothing can be read: got %+v, %v", got, err)
	}
}

func brokenInstance(t *testing.T, b Bench) {
	if b.Break == nil {
		t.Skip("the store's instances cannot break")
	}
	b.Answer("a", 4, false, time.Millisecond)
	b.Break("b")
	got := b.read(t)
	if _, there := got.Tracks[plan.Stable]["b"]; there || got.Tracks[plan.Stable]["a"].Requests != 4 {
		t.Errorf("got %+v", got)
	}
	if got.Problems[plan.Stable] == "" {
		t.Error("nobody is told")
	}
}

func cancelled(t *testing.T, b Bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan error, 1)
	go func() { _, err := b.Store.Read(ctx, b.Question); done <- err }()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a reading that was over before it began gave no error")
		}
	case <-time.After(patience):
		t.Error("the reading goes on")
	}
}

func kept(t *testing.T, b Bench) {
	b.Answer("a", 3, true, time.Millisecond)
	first := b.read(t)
	data, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var back metric.Snapshot
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back.Tracks, first.Tracks) {
		t.Errorf("got %+v, %v, want %+v", back, err, first)
	}
}

func concurrent(t *testing.T, b Bench) {
	b.Answer("a", 3, false, time.Millisecond)
	want := b.read(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if got, err := b.Store.Read(t.Context(), b.Question); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	wait.Wait()
}

func refusedSettings(t *testing.T, b Bench) {
	b.Question.With = json.RawMessage(`{"noSuchSetting":1}`)
	if got, err := b.Store.Read(t.Context(), b.Question); err == nil {
		t.Errorf("got %+v", got)
	}
}
