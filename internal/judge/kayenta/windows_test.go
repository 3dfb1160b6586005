package kayenta

import (
	"strings"
	"testing"
	"time"
)

func TestWindowsBesideTheVectors(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		reason string
		s      Schedule
		runs   int
		first  time.Duration // from now to the end of the first window
	}{
		{"what is left of the time is not judged", Schedule{Lifetime: 100 * time.Minute, Interval: 30 * time.Minute}, 3, 30 * time.Minute},
		{"only whole minutes count", Schedule{Lifetime: 90*time.Minute + 59*time.Second, Interval: 30*time.Minute + 59*time.Second}, 3, 30 * time.Minute},
		{"a start without an end moves with the warm-up", Schedule{Start: now.Add(time.Hour), Lifetime: time.Hour, BeginAfter: time.Minute}, 1, 121 * time.Minute},
		{"an end alone begins now", Schedule{End: now.Add(time.Hour), Interval: 20 * time.Minute}, 3, 20 * time.Minute},
	} {
		table, err := Windows(c.s, now)
		if err != nil || len(table.Runs) != c.runs || table.Runs[0].Experiment.End != now.Add(c.first) {
			t.Errorf("%s: %+v, %v", c.reason, table, err)
		}
	}
	for _, c := range []struct {
		reason, want string
		s            Schedule
	}{
		{"neither end nor lifetime", "either an end time or a lifetime", Schedule{Interval: time.Minute}},
		{"an end before the start", "is not after the start", Schedule{Start: now, End: now}},
		{"an end that is past", "is not after the start", Schedule{End: now.Add(-time.Minute)}},
		{"an interval of seconds", "under one minute", Schedule{Lifetime: time.Hour, Interval: 59 * time.Second}},
		{"a lifetime of seconds", "under one minute", Schedule{Lifetime: 59 * time.Second}},
		{"a negative time", "negative", Schedule{Lifetime: time.Hour, Lookback: -time.Minute}},
		{"more judgements than anyone wants", "the most is 100000", Schedule{Lifetime: 200_000 * time.Minute, Interval: time.Minute}},
	} {
		if _, err := Windows(c.s, now); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.reason, err, c.want)
		}
	}
}
