package e2e

import (
	"testing"
	"time"
)

// The plan of most stories through the gateway: two steps, then everything. Looks are frequent, so that a story is short.
const twoSteps = `
traffic: {gatewayAPI: {route: podinfo}}
metrics: {every: 1s, scrape: {}}
steps:
- {weight: 20, hold: 3s}
- {weight: 50, hold: 3s}
`

// A good version replaces the old one, and no user notices.
func TestPromote(t *testing.T) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service", "route")
	s.canary(twoSteps)
	u := s.users()
	u.served("v1", 60)

	s.podinfo("v2")
	r := s.ends(s.begun(), "Promoted", 2*time.Minute)
	if r.Status.Weight != "100%" {
		t.Errorf("a promoted release has weight %s", r.Status.Weight)
	}
	s.settled()
	u.nothingFrom(60, "v1")
	u.report("v1", "v2")
	s.pristine("v2")
}

// A version that fails is sent back, and its own failures are the only ones.
func TestRollBackOnErrors(t *testing.T) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service", "route")
	s.canary(twoSteps)
	u := s.users()
	u.served("v1", 60)

	s.podinfo("errors", "--random-error")
	s.ends(s.begun(), "RolledBack", 2*time.Minute)
	u.nothingFrom(60, "errors", broken)
	r := u.report("v1", "errors", broken)
	if r.Groups[broken].Requests == 0 {
		t.Error("the faulty version never failed: nothing was tried")
	}
}

// A version that is slow is sent back.
func TestRollBackOnLatency(t *testing.T) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service", "route")
	s.canary(twoSteps)
	u := s.users()
	u.served("v1", 60)

	s.podinfo("slow", "--random-delay", "--random-delay-unit=ms", "--random-delay-min=150", "--random-delay-max=300")
	s.ends(s.begun(), "RolledBack", 2*time.Minute)
	u.nothingFrom(60, "slow")
	if r := u.report("v1", "slow"); r.Groups["slow"].Requests == 0 {
		t.Error("the slow version never answered: nothing was tried")
	}
}
