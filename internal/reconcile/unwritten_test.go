package reconcile

import (
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// What the record says of a judge that is waited for is never much older than half the wait, however dear writes are.
func TestEvidenceOfAHeldStepIsFresh(t *testing.T) {
	arrived := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	now := arrived
	l := New(Means{Checkpoint: 150 * time.Second, Now: func() time.Time { return now }})
	r := &release{}
	r.Name, r.Plan.Steps = "shop-2", make([]plan.Step, 1)
	for _, waits := range []struct {
		what   string
		oldest time.Duration // the oldest that the record gets within ten minutes
		writes int
	}{{"verdict", 150 * time.Second, 6}, {"time", 150 * time.Second, 4}} {
		now = arrived
		at := plan.Position{Arrived: arrived, Waiting: &plan.Waiting{For: waits.what, Since: arrived}}
		l.unwritten[r.Name] = &unwritten{written: arrived}
		writes, oldest := 0, time.Duration(0)
		for range 600 {
			now = now.Add(time.Second)
			if !l.due(r, at, nil) {
				age := now.Sub(l.unwritten[r.Name].written)
				oldest = max(oldest, age)
				if most := max(curious, now.Sub(arrived)/2); waits.what == "verdict" && age > most {
					t.Fatalf("after %s the record is %s old", now.Sub(arrived), age)
				}
				continue
			}
			l.unwritten[r.Name].written = now
			writes++
		}
		if writes != waits.writes || oldest >= waits.oldest {
			t.Errorf("waiting for %s: %d writes, at most %s old, want %d writes", waits.what, writes, oldest, waits.writes)
		}
	}
}
