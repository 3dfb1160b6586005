package proxy

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
)

func store(t *testing.T) *Store {
	t.Helper()
	s, err := New(metric.Env{Counted: func(target string) map[string]metric.Counters {
		if target != "Process/shop" {
			return nil
		}
		return map[string]metric.Counters{"v1.0": {Requests: 10, Failures: 1}, "v1.1": {Requests: 7}, "v2.0": {Requests: 3}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func endpoints(names ...string) []plan.Endpoint {
	var all []plan.Endpoint
	for _, n := range names {
		all = append(all, plan.Endpoint{Instance: n})
	}
	return all
}

func TestReadPicksTracks(t *testing.T) {
	for _, test := range []struct {
		reason string
		tracks map[plan.TrackName][]plan.Endpoint
		want   map[plan.TrackName]map[string]metric.Counters
		wrong  plan.TrackName
	}{
		{
			reason: "each track gets its own instances",
			tracks: map[plan.TrackName][]plan.Endpoint{plan.Stable: endpoints("v1.0", "v1.1"), plan.Canary: endpoints("v2.0")},
			want: map[plan.TrackName]map[string]metric.Counters{
				plan.Stable: {"v1.0": {Requests: 10, Failures: 1}, "v1.1": {Requests: 7}},
				plan.Canary: {"v2.0": {Requests: 3}},
			},
		},
		{
			reason: "an instance that is too new to be known is missing, and the rest is told",
			tracks: map[plan.TrackName][]plan.Endpoint{plan.Canary: endpoints("v2.0", "v2.1")},
			want:   map[plan.TrackName]map[string]metric.Counters{plan.Canary: {"v2.0": {Requests: 3}}},
		},
		{
			reason: "a track of unknown instances is a problem, not zero requests",
			tracks: map[plan.TrackName][]plan.Endpoint{plan.Canary: endpoints("v3.0")},
			want:   map[plan.TrackName]map[string]metric.Counters{},
			wrong:  plan.Canary,
		},
		{
			reason: "a track without instances is read, and empty",
			tracks: map[plan.TrackName][]plan.Endpoint{plan.Canary: nil},
			want:   map[plan.TrackName]map[string]metric.Counters{plan.Canary: {}},
		},
	} {
		got, err := store(t).Read(context.Background(), metric.Question{Target: "Process/shop", Tracks: test.tracks})
		if err != nil || !reflect.DeepEqual(got.Tracks, test.want) {
			t.Errorf("%s: got %v, %v, want %v", test.reason, got.Tracks, err, test.want)
		}
		if text, ok := got.Problems[test.wrong]; (test.wrong != "") != ok {
			t.Errorf("%s: problems are %v (%q)", test.reason, got.Problems, text)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for _, test := range []struct {
		reason string
		ctx    context.Context
		q      metric.Question
		want   string
	}{
		{"a target the proxy does not serve", context.Background(), metric.Question{Target: "Process/other"}, "does not serve"},
		{"a context that is over", over, metric.Question{Target: "Process/shop"}, "canceled"},
		{"settings, since there are none", context.Background(), metric.Question{Target: "Process/shop", With: json.RawMessage(`{"every":"5s"}`)}, "every"},
	} {
		if _, err := store(t).Read(test.ctx, test.q); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.reason, err, test.want)
		}
	}
	if _, err := New(metric.Env{}); err == nil {
		t.Error("a store without an embedded proxy was made")
	}
}
