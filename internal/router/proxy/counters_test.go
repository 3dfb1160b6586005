package proxy

import (
	"sync"
	"testing"
	"time"
)

func TestTallyBuckets(t *testing.T) {
	g := newGrid()
	if last := g.seconds[bounds-1]; last < 60 || last > 70 {
		t.Errorf("the last bound is %v s, want a little above a minute", last)
	}
	for _, test := range []struct {
		reason  string
		latency time.Duration
		le      float64 // the least bound whose bucket holds it
	}{
		{"nothing is below the first bound", 0, 0.00025},
		{"a bound belongs to its bucket, as in Prometheus", 250 * time.Microsecond, 0.00025},
		{"just above goes to the next", 250*time.Microsecond + 1, 0.000297302},
		{"octaves are exact", time.Millisecond, 0.001},
		{"a second lies below 1.024 s", time.Second, 1.024},
	} {
		count := newTally(g)
		count.add(test.latency, false)
		c := count.read()
		for i, le := range c.Bounds {
			if want := int64(0); le < test.le && c.Buckets[i] != want {
				t.Errorf("%s: bucket %v holds %d", test.reason, le, c.Buckets[i])
			}
			if le >= test.le && c.Buckets[i] != 1 {
				t.Errorf("%s: bucket %v misses it", test.reason, le)
			}
		}
	}
	beyond := newTally(g)
	beyond.add(2*time.Minute, true)
	if c := beyond.read(); c.Requests != 1 || c.Failures != 1 || c.Buckets[bounds-1] != 0 {
		t.Errorf("two minutes: %d requests, %d failures, %d in the last bucket", c.Requests, c.Failures, c.Buckets[bounds-1])
	}
}

func TestTallyCancelled(t *testing.T) {
	count := newTally(newGrid())
	count.cancel(100 * time.Millisecond)
	if c := count.read(); c.Requests != 0 || count.gone() != 1 {
		t.Errorf("a client that left at once: %d requests, %d gone", c.Requests, count.gone())
	}
	count.cancel(3 * time.Second)
	if c := count.read(); c.Requests != 1 || c.Failures != 0 || count.gone() != 2 {
		t.Errorf("a client that waited in vain: %d requests, %d failures, %d gone", c.Requests, c.Failures, count.gone())
	}
}

// Readers must never see more failures than requests, nor buckets that shrink.
func TestTallyUnderReaders(t *testing.T) {
	const writers, each = 4, 20000
	count := newTally(newGrid())
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i := range each {
				count.add(time.Duration(i)*time.Microsecond, true)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var last int64
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		c := count.read()
		if c.Failures > c.Requests || c.Requests < last {
			t.Fatalf("%d failures of %d requests, %d before", c.Failures, c.Requests, last)
		}
		last = c.Requests
	}
	if last != writers*each {
		t.Errorf("counted %d, want %d", last, writers*each)
	}
}
