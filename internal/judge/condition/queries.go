package condition

import (
	"encoding/json"
	"math"
	"time"

	"serin.dev/serin/internal/plan"
)

const (
	retryAfter  = 10 * time.Second // as in Argo
	windowUsual = time.Minute
)

// Asks lists the queries that the block asks, without their sources.
func Asks(block json.RawMessage) ([]plan.Query, error) {
	c, err := Decode(block)
	if err != nil {
		return nil, err
	}
	var all []plan.Query
	for _, m := range c.Metrics {
		q := plan.Query{Name: m.Name, Every: seconds(m.Interval), After: seconds(m.InitialDelay), Retry: retryAfter, Window: seconds(m.Interval)}
		if q.Window == 0 {
			q.Window = windowUsual
		}
		all = append(all, q)
	}
	return all, nil
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }
