package proxy

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"serin.dev/serin/internal/metric"
)

// Latency buckets grow by the fourth root of two, 19 % each, from a quarter of a millisecond to above the longest
// response time-out there is by default.
const (
	firstBound = 250 * time.Microsecond
	bounds     = 73
)

// A grid is the fixed set of bucket bounds, all counters of a router share one.
type grid struct {
	nanos   [bounds]int64
	seconds []float64
}

func newGrid() *grid {
	g := &grid{seconds: make([]float64, bounds)}
	for i := range bounds {
		g.nanos[i] = int64(math.Round(float64(firstBound) * math.Exp2(float64(i)/4)))
		g.seconds[i] = float64(g.nanos[i]) / 1e9
	}
	return g
}

// bucket returns the index of the first bound that is not below the latency; bounds when there is none.
func (g *grid) bucket(latency time.Duration) int {
	i, _ := slices.BinarySearch(g.nanos[:], int64(latency))
	return i
}

// A tally counts what one instance answered. It is written by many goroutines without a lock: each adds to one of
// several shards, and reading adds the shards up.
type tally struct {
	grid   *grid
	shards []shard
}

// A shard ends on a cache line of its own.
type shard struct {
	buckets   [bounds + 1]atomic.Int64 // the last one is above all bounds
	failures  atomic.Int64
	cancelled atomic.Int64
	_         [64]byte
}

func newTally(g *grid) *tally {
	return &tally{grid: g, shards: make([]shard, min(runtime.GOMAXPROCS(0), 16))}
}

// add counts one finished request. The bucket is written before the failure and read after it, so that a reader never
// sees more failures than requests.
func (t *tally) add(latency time.Duration, failed bool) {
	s := &t.shards[rand.IntN(len(t.shards))]
	s.buckets[t.grid.bucket(latency)].Add(1)
	if failed {
		s.failures.Add(1)
	}
}

// cancel counts a request whose client went away before the answer. One that had waited long is also counted as slow:
// it took at least that long.
func (t *tally) cancel(waited time.Duration) {
	t.shards[rand.IntN(len(t.shards))].cancelled.Add(1)
	if waited >= time.Second {
		t.add(waited, false)
	}
}

// read returns the totals.
func (t *tally) read() metric.Counters {
	c := metric.Counters{Bounds: t.grid.seconds, Buckets: make([]int64, bounds)}
	for i := range t.shards {
		c.Failures += t.shards[i].failures.Load()
	}
	for i := range t.shards {
		for b := range bounds {
			c.Buckets[b] += t.shards[i].buckets[b].Load()
		}
		c.Requests += t.shards[i].buckets[bounds].Load()
	}
	for b := 1; b < bounds; b++ {
		c.Buckets[b] += c.Buckets[b-1]
	}
	c.Requests += c.Buckets[bounds-1]
	return c
}

// gone returns how many clients went away before their answer.
func (t *tally) gone() int64 {
	var n int64
	for i := range t.shards {
		n += t.shards[i].cancelled.Load()
	}
	return n
}
