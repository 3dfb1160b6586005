package e2e

import (
	"context"
	"testing"
	"time"

	"serin.dev/serin/api/v1alpha1"
)

const patient = brisk + `
insufficient: {within: 20s}
steps:
- {weight: 50, hold: 2s}
`

// Without any requests nothing is known: the release holds, asks a person when its time is over, and neither goes on nor
// back by itself.
func TestNoTraffic(t *testing.T) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service", "route")
	s.canary(patient)
	s.podinfo("v2")
	s.undecided(s.begun())
}

// One request in five seconds is not enough either.
func TestScarceTraffic(t *testing.T) {
	s := newStage(t)
	s.podinfo("v1")
	s.file("service", "route")
	s.canary(patient)
	s.served(gateway, "v1")
	u := s.usersOf(gateway, 0.2, "Host", s.ns+".example.com")
	s.podinfo("v2")
	s.undecided(s.begun())
	u.report("v1", "v2")
}

// undecided waits until the release asks a person, sees that it goes on waiting, and lets the person decide.
func (s *stage) undecided(name string) {
	s.Helper()
	s.at(name, "50%", "AwaitingDecision", long)
	if out, code := s.command("wait", "podinfo", "--timeout", "30s"); code != 2 {
		s.Errorf("serin wait exits with %d while there is too little data, want 2: %s", code, out)
	}
	c, err := s.look(s.Context())
	if reason := condition(c.Status.Conditions, v1alpha1.Ready).Reason; err != nil || reason != "AwaitingDecision" {
		s.Errorf("the Canary says %s, %v", reason, err)
	}
	asked := time.Now()
	s.await("the release stays as it is", long, func(ctx context.Context) (bool, error) {
		r, err := s.read(ctx, name)
		if err == nil && (over(r.Status.Phase) || r.Status.Step != "50%") {
			s.Fatalf("without data the release is %s at %s", r.Status.Phase, r.Status.Step)
		}
		return time.Since(asked) > 10*time.Second, err
	})
	s.must("abort", "podinfo", "--reason", "nobody uses it")
	s.ends(name, "RolledBack", long)
	s.pristine("v1")
}
