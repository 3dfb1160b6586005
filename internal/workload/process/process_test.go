package process

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
	"serin.dev/serin/internal/workload/conformance"
)

// neverEnding is a context for what must not depend on the test's own, which ends before its clean-up.
type neverEnding struct{ context.Context }

func (neverEnding) Deadline() (time.Time, bool) { return time.Time{}, false }
func (neverEnding) Done() <-chan struct{}       { return nil }
func (neverEnding) Err() error                  { return nil }

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Subject{
		Driver: Driver,
		New:    func(t *testing.T) workload.Workload { return newStand(t).w },
		Template: func(t *testing.T, _ plan.Revision) json.RawMessage {
			return settings{}.json(t)
		},
		Stuck: func(t *testing.T, _ plan.Revision) json.RawMessage {
			return settings{args: []string{"-sick"}}.json(t)
		},
		Refused: refused,
	})
}
