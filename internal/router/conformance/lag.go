package conformance

import (
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// Lag measures how long after an order a data plane still answers by the one before: the longest of ten times. It is what a router
// has to allow for that is not told when its data plane has followed.
func Lag(t *testing.T, s Subject) time.Duration {
	b := newBench(t, s.withDefaults())
	b.both()
	b.apply(plan.Traffic{Shares: split(0)})
	var worst time.Duration
	for i := range 10 {
		track := []plan.TrackName{plan.Canary, plan.Stable}[i%2]
		b.order.Traffic = plan.Traffic{Shares: plan.Shares{track: plan.Whole}}
		if err := b.router.Apply(t.Context(), b.Target, b.order); err != nil {
			t.Fatal(err)
		}
		begun, last := time.Now(), time.Now()
		for time.Since(begun) < time.Second || time.Since(last) < 500*time.Millisecond {
			if b.ask("/") != track {
				last = time.Now()
			}
			if time.Since(begun) > 30*time.Second {
				t.Fatalf("%s does not get everything after 30s", track)
			}
		}
		worst = max(worst, last.Sub(begun))
	}
	return worst
}
