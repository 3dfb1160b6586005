package compile

import (
	"fmt"
	"strings"

	"serin.dev/serin/internal/plan"
)

// names calls each step what a person would: "5%", "mirror 10%", "approve by sre", "promote", "done".
func (w *work) names() {
	before := plan.Traffic{}
	for i := range w.steps {
		s := &w.steps[i]
		s.Name = s.called(before)
		before = s.Desired.Traffic
	}
}

func (s step) called(before plan.Traffic) string {
	switch {
	case s.role == start:
		return "stable"
	case s.role == promote && s.Desired.Tracks[0].Revision == s.Desired.Tracks[1].Revision:
		return "replace stable"
	case s.role == promote:
		return "promote"
	case s.role == done:
		return "done"
	case s.move.Name != "":
		return s.move.Name
	}
	if words := s.changes(before); len(words) > 0 {
		return strings.Join(words, ", ")
	}
	return s.waits()
}

// changes says what the step does to the traffic, or to the capacity where it leaves the traffic alone.
func (s step) changes(before plan.Traffic) []string {
	var words []string
	now := s.Desired.Traffic
	if share := now.Shares[plan.Canary]; s.move.Weight != nil && share != before.Shares[plan.Canary] {
		words = append(words, share.String())
	}
	if s.move.Mirror != nil {
		words = append(words, fmt.Sprintf("mirror %v", *s.move.Mirror))
	}
	switch {
	case len(s.move.Matches) > 0:
		words = append(words, "matched")
	case s.move.Matches != nil:
		words = append(words, "no matches")
	}
	if len(words) == 0 && s.move.Capacity != nil {
		words = append(words, "capacity "+size(*s.move.Capacity, 0))
	}
	return words
}

// waits says what a step that changes nothing is there for.
func (s step) waits() string {
	switch {
	case s.move.Approve != nil && s.move.Approve.Group != "":
		return "approve by " + s.move.Approve.Group
	case s.move.Approve != nil:
		return "approve"
	case s.move.Proven:
		return "proof"
	case s.move.Hold > 0:
		return "hold " + brief(s.move.Hold)
	case s.move.Weight != nil:
		return s.Desired.Traffic.Shares[plan.Canary].String()
	}
	return "notify"
}
