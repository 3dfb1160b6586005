package objects

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/sequential"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

var bounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// evidence is a real checkpoint: half an hour of looks at so many pods on each side.
func evidence(t testing.TB, pods int) releases.Evidence {
	t.Helper()
	j, err := sequential.New(sequential.Default())
	if err != nil {
		t.Fatal(err)
	}
	dice := rand.New(rand.NewPCG(1, 2))
	state, total := j.Start(), metric.Snapshot{Tracks: map[plan.TrackName]map[string]metric.Counters{}}
	var verdict plan.Verdict
	for look := range 360 {
		l := judge.Look{T: float64(5 * (look + 1)), Weight: 50, Tracks: map[plan.TrackName]judge.Counts{}}
		for _, track := range []plan.TrackName{plan.Stable, plan.Canary} {
			counts := judge.Counts{Pods: map[string]judge.Tally{}}
			if total.Tracks[track] == nil {
				total.Tracks[track] = map[string]metric.Counters{}
			}
			for pod := range pods {
				name := fmt.Sprintf("checkout-%s-7d9f8b6c54-%05x", track, 0x9a3c1+pod*7919)
				tally := judge.Tally{Requests: 400 + dice.Int64N(100), Failures: dice.Int64N(3), Bounds: bounds}
				for i := range bounds {
					tally.Buckets = append(tally.Buckets, tally.Requests*int64(i+1)/int64(len(bounds)))
				}
				counts.Pods[name] = tally
				total.Tracks[track][name] = grown(total.Tracks[track][name], tally)
			}
			l.Tracks[track] = counts
		}
		state, verdict = j.Look(state, l)
	}
	e := releases.Evidence{Began: time.Unix(1, 0).UTC(), Looked: time.Unix(1800, 0).UTC(), Verdict: verdict, Looks: 360}
	if e.State, err = state.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if e.Counters, err = json.Marshal(total); err != nil {
		t.Fatal(err)
	}
	return e
}

func grown(c metric.Counters, by judge.Tally) metric.Counters {
	c.Requests, c.Failures, c.Bounds = c.Requests+by.Requests, c.Failures+by.Failures, by.Bounds
	if c.Buckets == nil {
		c.Buckets = make([]int64, len(by.Buckets))
	}
	for i := range by.Buckets {
		c.Buckets[i] += by.Buckets[i]
	}
	return c
}

// A full status of a large release stays far below what an object may hold, and reads back as it was.
func TestSizeOfAStatus(t *testing.T) {
	for _, c := range []struct{ pods, most int }{{4, 20 << 10}, {50, 40 << 10}, {500, 250 << 10}} {
		s := releases.Status{Evidence: map[string]releases.Evidence{"sequential": evidence(t, c.pods)}}
		checkpoint, err := json.Marshal(s.Evidence)
		if err != nil {
			t.Fatal(err)
		}
		for i := range releases.LogLimit {
			s.Remember(releases.Event{At: time.Unix(int64(i), 0).UTC(), Reason: "StepReached", Text: fmt.Sprintf("%d%% reached; %s", i, strings.Repeat("word ", 20)), Step: i})
		}
		for i := range 100 {
			s.Outbox = append(s.Outbox, releases.Entry{
				Key:  fmt.Sprintf("shop/checkout-3/%d/entered/chat", i),
				Hook: plan.Hook{Name: "chat", On: plan.Entered, Use: plan.Use{Kind: "webhook", With: json.RawMessage(`{"url":"http://127.0.0.1:9000/"}`)}},
				Text: "on the way", At: time.Unix(int64(i), 0).UTC(), State: releases.Told, Attempts: 1,
			})
		}
		plain, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		packed, err := pack(statusRecord{releases.Format, s})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d pods on each side: checkpoint %d bytes, status %d, at rest %d", c.pods, len(checkpoint), len(plain), len(packed))
		if len(packed) > c.most {
			t.Errorf("%d pods: a status of %d bytes has %d at rest, more than %d", c.pods, len(plain), len(packed), c.most)
		}
		var back statusRecord
		if err := unpack(packed, &back); err != nil || !reflect.DeepEqual(back.Status, s) {
			t.Errorf("%d pods: the status does not read back as it was: %v", c.pods, err)
		}
	}
}

func TestRecordsThatAreRefused(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte(dice.Uint32())
	}
	if _, err := pack(map[string][]byte{"noise": noise}); err == nil || !strings.Contains(err.Error(), "an object holds") {
		t.Errorf("two megabytes of noise: %v", err)
	}
	bomb, err := pack(map[string]string{"zeros": strings.Repeat("0", unpackBytes+1)})
	if err != nil {
		t.Fatal(err)
	}
	var into statusRecord
	if err := unpack(bomb, &into); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a bomb of %d bytes: %v", len(bomb), err)
	}
	for _, future := range []string{`{"format":99}`, `{"format":99,"log":"in one line"}`} {
		if err := unpack(json.RawMessage(future), &into); err == nil || !strings.Contains(err.Error(), "newer serin") {
			t.Errorf("a format from the future, %s: %v", future, err)
		}
	}
	if err := unpack(json.RawMessage(`{"format":1,"log":"in one line"}`), &into); err == nil || strings.Contains(err.Error(), "newer serin") {
		t.Errorf("a record that is none: %v", err)
	}
}
