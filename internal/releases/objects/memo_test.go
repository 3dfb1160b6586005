package objects

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// Whoever has read a release may do with it what the loop does; the next one reads what stands in the objects.
func TestWhatIsRememberedStaysAsItWasRead(t *testing.T) {
	s, target, _, name := underWay(t)
	o := s.access.Client.(*still).releases[types.NamespacedName{Namespace: "bench", Name: "shop-1"}]
	full, err := stands(o)
	if err != nil {
		t.Fatal(err)
	}
	full.Acts = []plan.Act{{Verb: plan.Pause, Actor: "eve"}}
	full.Outbox = []releases.Entry{{Key: "a", State: releases.Pending}}
	full.Position.Passed = map[string]time.Time{"a": time.Unix(1, 0).UTC()}
	full.Position.Granted = map[int]plan.Act{1: {Actor: "eve"}}
	full.Position.Dark = map[string]time.Time{"a": time.Unix(1, 0).UTC()}
	for len(full.Log) < releases.LogLimit {
		full.Remember(releases.Event{Text: fmt.Sprint(len(full.Log))})
	}
	if o.Status.Record, err = pack(statusRecord{releases.Format, full}); err != nil {
		t.Fatal(err)
	}
	want, err := stands(o)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		_, got, err := s.Release(name)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: %v, read\n%+v\nwant\n%+v", round, err, got, want)
		}
		got.Acts = append(got.Acts, plan.Act{Verb: plan.Abort})
		for range 3 {
			got.Remember(releases.Event{Text: "new"})
		}
		got.Outbox[0].State = releases.Told
		got.Outbox = append(got.Outbox, releases.Entry{Key: "b"})
		got.Evidence["other"] = releases.Evidence{Looks: 1}
		delete(got.Evidence, "sequential")
		delete(got.Position.Passed, "a")
		delete(got.Position.Granted, 1)
		got.Position.Dark["b"] = time.Unix(2, 0)
		record, err := s.Target(target)
		if err != nil || len(record.History) != 10 || record.History[9].Release != "9" {
			t.Fatalf("round %d: %v, history %+v", round, err, record.History)
		}
		record.Close(releases.Release{Name: name}, plan.Position{Phase: plan.Returned})
	}
}

// A status that was written anew is read anew, and a Release of the same name that is another one is told from the first.
func TestWhatIsRememberedFollowsTheObject(t *testing.T) {
	s, _, _, name := underWay(t)
	o := s.access.Client.(*still).releases[types.NamespacedName{Namespace: "bench", Name: "shop-1"}]
	write := func(step, attempt int) {
		t.Helper()
		r, status, err := words(o)
		status.Position.Step, r.Attempt = step, attempt
		packed, err2 := pack(statusRecord{releases.Format, status})
		record, err3 := pack(r)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		o.Status.Record, o.Spec.Record = packed, record
	}
	at := func(step, attempt int) {
		t.Helper()
		if r, status, err := s.Release(name); err != nil || status.Position.Step != step || r.Attempt != attempt {
			t.Errorf("step %d, attempt %d, %v; want %d, %d", status.Position.Step, r.Attempt, err, step, attempt)
		}
	}
	write(1, 1)
	at(1, 1)
	write(2, 1)
	o.ResourceVersion = "21"
	at(2, 1)
	write(0, 2)
	o.ResourceVersion, o.UID = "30", "another"
	at(0, 2)
	o.Status.Phase, o.ResourceVersion = string(plan.Returned), "31"
	at(0, 2)
	write(5, 5)
	at(5, 5) // of one that is over nothing is remembered
}

func TestOldWritesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOverlay[*Canary]()
		known := func() int {
			o.mu.Lock()
			defer o.mu.Unlock()
			return len(o.last)
		}
		o.put(&Canary{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
		time.Sleep(lag - time.Second)
		o.put(&Canary{ObjectMeta: metav1.ObjectMeta{Name: "b"}})
		time.Sleep(2 * time.Second)
		if _, found, _ := o.newest(types.NamespacedName{Name: "b"}, nil, false); !found || known() != 1 {
			t.Errorf("of two writes %d are remembered, the new one: %v", known(), found)
		}
		time.Sleep(lag)
		if known() != 0 {
			t.Errorf("%d old writes are remembered", known())
		}
	})
}

// What is served is the newest of what is known, in whatever order it came to be known.
func TestTheNewestIsServed(t *testing.T) {
	name := types.NamespacedName{Name: "shop"}
	at := func(uid types.UID, version string) *Canary {
		notes := []metav1.ManagedFieldsEntry{{Manager: "serin"}}
		return &Canary{ObjectMeta: metav1.ObjectMeta{Name: "shop", UID: uid, ResourceVersion: version, ManagedFields: notes}}
	}
	for _, c := range []struct {
		why     string
		written []*Canary
		cached  *Canary
		want    string
	}{
		{"nothing was written", nil, at("a", "7"), "7"},
		{"the cache lags", []*Canary{at("a", "8")}, at("a", "7"), "8"},
		{"the cache is ahead", []*Canary{at("a", "8")}, at("a", "10"), "10"},
		{"written twice", []*Canary{at("a", "8"), at("a", "10")}, at("a", "7"), "10"},
		{"the answers came in the other order", []*Canary{at("a", "10"), at("a", "8")}, at("a", "7"), "10"},
		{"another of that name", []*Canary{at("a", "10"), at("b", "12")}, at("a", "7"), "12"},
	} {
		o := newOverlay[*Canary]()
		for _, w := range c.written {
			o.put(w)
		}
		if got, found, sure := o.newest(name, c.cached, true); !found || !sure || got.ResourceVersion != c.want {
			t.Errorf("%s: served is %s, want %s", c.why, got.ResourceVersion, c.want)
		}
		if kept := o.last[name].object; kept != nil && len(kept.ManagedFields) > 0 {
			t.Errorf("%s: who wrote which field is kept", c.why)
		}
	}
}
