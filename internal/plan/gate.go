package plan

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Gate lets a release leave a step. The set is closed: After, Passed, Approved.
type Gate interface{ gate() }

// After opens when the step's state has been held for a time, counted from the moment it was reached.
type After struct {
	Hold time.Duration `json:"hold"`
}

// Passed opens when an analysis says so.
//
// With Proven false it is enough that the analysis is looking: its last verdict is hold or pass. With Proven true it
// must have passed at some time in this release. Insufficient and unavailable always hold; after Within the release asks
// a person, but it neither promotes nor rolls back on ignorance. 0: asks at once.
type Passed struct {
	Analysis string        `json:"analysis"`
	Proven   bool          `json:"proven,omitempty"`
	Within   time.Duration `json:"within,omitempty"`
}

// Approved opens when a person approves this step. A rejection, or no answer Within the deadline, rolls back.
type Approved struct {
	Group  string        `json:"group,omitempty"` // who may; empty: anyone who may act on the release
	Within time.Duration `json:"within,omitempty"`
}

func (After) gate()    {}
func (Passed) gate()   {}
func (Approved) gate() {}

// gateJSON is the tagged form of a gate at rest: exactly one field is set.
type gateJSON struct {
	After    *After    `json:"after,omitempty"`
	Passed   *Passed   `json:"passed,omitempty"`
	Approved *Approved `json:"approved,omitempty"`
}

// MarshalJSON writes the step with its gates tagged by kind.
func (s Step) MarshalJSON() ([]byte, error) {
	type plain Step
	gates := make([]gateJSON, len(s.Until))
	for i, g := range s.Until {
		switch g := g.(type) {
		case After:
			gates[i].After = &g
		case Passed:
			gates[i].Passed = &g
		case Approved:
			gates[i].Approved = &g
		default:
			return nil, fmt.Errorf("encode gate %T of step %s: unknown kind", g, s.Name)
		}
	}
	return json.Marshal(struct {
		plain
		Until []gateJSON `json:"until,omitempty"`
	}{plain(s), gates})
}

// UnmarshalJSON reads what MarshalJSON wrote and refuses a gate of no known kind.
func (s *Step) UnmarshalJSON(data []byte) error {
	type plain Step
	raw := struct {
		*plain
		Until []gateJSON `json:"until"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	s.Until = nil
	for i, g := range raw.Until {
		switch {
		case g.After != nil:
			s.Until = append(s.Until, *g.After)
		case g.Passed != nil:
			s.Until = append(s.Until, *g.Passed)
		case g.Approved != nil:
			s.Until = append(s.Until, *g.Approved)
		default:
			return fmt.Errorf("decode gate %d of step %s: unknown kind", i, s.Name)
		}
	}
	return nil
}
