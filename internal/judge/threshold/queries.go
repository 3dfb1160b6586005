package threshold

import (
	"encoding/json"
	"math"
	"time"

	"serin.dev/serin/internal/plan"
)

// Asks lists the queries that the block asks, without their sources: each once for every check, at its end.
func Asks(block json.RawMessage) ([]plan.Query, error) {
	c, err := Decode(block)
	if err != nil {
		return nil, err
	}
	var all []plan.Query
	for _, m := range c.Metrics {
		all = append(all, plan.Query{Name: m.Name, Every: seconds(c.Interval), After: seconds(c.Interval), Window: seconds(m.Interval)})
	}
	return all, nil
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }
