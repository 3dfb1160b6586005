package proxy

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/conformance"
	"serin.dev/serin/internal/plan"
)

// A counter stands in for the embedded proxy's counters, exact to the request; the proxy's own counting is tested beside
// it (router/proxy).
type counter struct {
	mu  sync.Mutex
	all map[string]metric.Counters
}

var bounds = []float64{0.001, 0.004, 0.016, 0.064, 0.256, 1.024, 4.096}

func (c *counter) answer(instance string, n int, failed bool, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.all[instance]
	now.Requests += int64(n)
	if failed {
		now.Failures += int64(n)
	}
	now.Buckets = slices.Clone(now.Buckets)
	for i, bound := range bounds {
		if took.Seconds() <= bound {
			now.Buckets[i] += int64(n)
		}
	}
	c.all[instance] = now
}

func (c *counter) counted(string) map[string]metric.Counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := map[string]metric.Counters{}
	for name, counters := range c.all { // as the proxy does: what is handed out is the reader's own
		counters.Bounds, counters.Buckets = slices.Clone(counters.Bounds), slices.Clone(counters.Buckets)
		now[name] = counters
	}
	return now
}

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Subject{
		Driver:  Driver,
		Refused: map[string]json.RawMessage{"colour": json.RawMessage(`{"colour": "yellow"}`)},
		Start: func(t *testing.T) conformance.Bench {
			c := &counter{all: map[string]metric.Counters{}}
			for _, name := range []string{"a", "b", "c"} {
				c.all[name] = metric.Counters{Bounds: bounds, Buckets: make([]int64, len(bounds))}
			}
			s, err := Driver.New(metric.Env{Counted: c.counted})
			if err != nil {
				t.Fatal(err)
			}
			return conformance.Bench{
				Store: s,
				Question: metric.Question{Target: "Process/shop", Tracks: map[plan.TrackName][]plan.Endpoint{
					plan.Stable: {{Instance: "a", URL: "http://127.0.0.1:1"}, {Instance: "b", URL: "http://127.0.0.1:2"}},
					plan.Canary: {{Instance: "c", URL: "http://127.0.0.1:3"}},
				}},
				Answer: c.answer,
			}
		},
	})
}
