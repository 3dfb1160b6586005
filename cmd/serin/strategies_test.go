package main

import (
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// looks of the quick judge that the tests use where the judge itself is not their matter: fixed limits, decided in seconds.
const quickJudge = "judge: {kind: threshold, interval: 1s, failures: {max: 5%}, checks: {failed: 1, passed: 2}, noData: hold}\n"

// A good version is promoted and a bad one sent back, whatever the strategy, and nobody notices but those the bad version
// itself answered.
func TestStrategies(t *testing.T) {
	long(t, "releases under load take some seconds each")
	cases := []struct {
		name string
		spec spec
		bad  string // settings of the bad version; default fails one request in two
	}{
		{name: "weighted", spec: spec{canary: "steps: [{weight: 10, hold: 1s}, {weight: 50, hold: 1s}]"}},
		{name: "blueGreen", spec: spec{canary: quickJudge + "strategy: blueGreen\nsteps: [{weight: 0, capacity: 100%, hold: 1s}, {weight: 100, hold: 3s}]"}},
		{name: "mirror", spec: spec{canary: quickJudge + "strategy: mirror\nsteps: [{mirror: 50, hold: 3s}, {weight: 50, hold: 1s}]"}},
		{name: "ab", spec: spec{canary: quickJudge + "strategy: ab\nsteps: [{match: [{header: {name: X-Staff, present: true}}], hold: 2s}]"}},
		{name: "rolling", spec: spec{replicas: 4, canary: quickJudge + "strategy: rolling\nrolling: {batch: 25%, hold: 1s}"}},
		{name: "recreate", spec: spec{replicas: 1, proxy: ", patience: 15s", canary: "strategy: recreate\nprogressDeadline: 3s"}, bad: "boot=never"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			version := func(settings string) string { s := c.spec; s.app = settings; return s.yaml() }
			s := start(t, version("version=v1"))
			s.over("shop", 15*time.Second)
			users := sendTo(t, s.url(), 100)
			staff := sendTo(t, s.url(), 50, "X-Staff", "yes")
			users.settle(100)

			s.rewrite(version("version=v2"))
			good := s.over("shop-2", 40*time.Second)
			if good.Phase != plan.Succeeded {
				t.Errorf("the good version: want promotion, got %s", good.Headline)
			}
			users.settle(100)
			if c.bad == "" {
				c.bad = "fail=0.5"
			}
			before := users.seen("v2")
			s.rewrite(version("version=v3&" + c.bad))
			bad := s.over("shop-3", 40*time.Second)
			if bad.Phase != plan.Returned || bad.Failure == nil || bad.Failure.Text == "" {
				t.Errorf("the bad version: want a rollback with its reason, got %s", bad.Headline)
			}
			users.settle(100)
			if users.seen("v2") <= before {
				t.Errorf("nobody is answered by the good version again")
			}
			users.nothingLost("v3")
			staff.nothingLost("v3")
			rightProcesses(t, s, c.spec.replicas, "version=v2")
		})
	}
}

// rightProcesses wants exactly so many processes (0: two) of one version, or with "" of any, and no other.
func rightProcesses(t *testing.T, s *running, n int, settings string) {
	t.Helper()
	if n == 0 {
		n = 2
	}
	eventually(t, 15*time.Second, "exactly the right processes run", func() bool {
		left := s.processes()
		for _, got := range left {
			if settings != "" && got != settings {
				return false
			}
		}
		return len(left) == n
	})
}

func isAt(step string) func(progress.Release) bool {
	return func(r progress.Release) bool {
		if r.StepName != step {
			return false
		}
		for _, e := range r.Events {
			if e.Step == r.Step && e.Reason == "StepReached" {
				return true
			}
		}
		return false
	}
}
