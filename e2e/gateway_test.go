package e2e

import (
	"testing"
	"time"
)

// What the stories through the gateway have in common: looks are frequent, and the judge is content with proof against gross
// faults, which needs a few hundred requests.
const brisk = `
traffic: {gatewayAPI: {route: podinfo}}
metrics: {every: 1s, scrape: {}}
judge:
  failures: {tolerate: 1.5x, plus: 1%, harmful: {ratio: 2x, plus: 5%}}
  latency: {tolerate: 5x, harmful: {ratio: 20x}}
`

// Where the judge is not the matter of a story: fixed limits, decided in seconds, whatever else the machine does.
const quick = "\ntraffic: {gatewayAPI: {route: podinfo}}" + limits

const limits = `
metrics: {every: 1s, scrape: {}}
judge: {kind: threshold, interval: 2s, failures: {max: 10%}, checks: {failed: 1, passed: 2}, noData: hold}
`

// twoSteps, then everything.
const twoSteps = brisk + `
steps:
- {weight: 20, hold: 3s}
- {weight: 50, hold: 3s}
`

// behindGateway plays podinfo v1 behind its route, with a Canary and users.
func behindGateway(t *testing.T, canary string) (*stage, *users) {
	s := newStage(t)
	return s, s.openGateway(canary)
}

func (s *stage) openGateway(canary string) *users {
	s.Helper()
	s.podinfo("v1")
	s.file("service", "route")
	s.canary(canary)
	s.served(gateway, "v1")
	u := s.users()
	u.served("v1", pace)
	return u
}

// A good version replaces the old one, and no user notices.
func TestPromote(t *testing.T) {
	s, u := behindGateway(t, twoSteps)
	s.podinfo("v2")
	r := s.ends(s.begun(), "Promoted", slow)
	if r.Status.Weight != "100%" {
		t.Errorf("a promoted release has weight %s", r.Status.Weight)
	}
	s.settled()
	u.nothingFrom(pace, "v1")
	s.pristine("v2")
	u.report("v1", "v2")
}

// A version that fails is sent back, and its own failures are the only ones.
func TestRollBackOnErrors(t *testing.T) {
	s, u := behindGateway(t, twoSteps)
	s.podinfo("errors", "--random-error")
	r := s.ends(s.begun(), "RolledBack", 2*time.Minute)
	s.says(r, "AnalysisFailed", "failures")
	u.nothingFrom(pace, "errors", broken)
	if r := u.report("v1", "errors", broken); r.Groups[broken].Requests == 0 {
		t.Error("the faulty version never failed: nothing was tried")
	}
}

// A version that is slow is sent back.
func TestRollBackOnLatency(t *testing.T) {
	s, u := behindGateway(t, twoSteps)
	s.podinfo("slow", "--random-delay", "--random-delay-unit=ms", "--random-delay-min=300", "--random-delay-max=600")
	r := s.ends(s.begun(), "RolledBack", 2*time.Minute)
	s.says(r, "AnalysisFailed", "latency")
	u.nothingFrom(pace, "slow")
	if r := u.report("v1", "slow"); r.Groups["slow"].Requests == 0 {
		t.Error("the slow version never answered: nothing was tried")
	}
}

// Users do not get a version that never becomes ready.
func TestRollBackOfWhatNeverStarts(t *testing.T) {
	s, u := behindGateway(t, quick+"steps: [{weight: 20}]\nprogressDeadline: 10s\n")
	s.podinfo("v2", "--unready")
	s.says(s.ends(s.begun(), "RolledBack", time.Minute), "NotReady", "")
	u.nothingFrom(pace, "v2")
	u.report("v1")
}

// Both versions are whole behind one cookie and one header; everybody else changes over at once, when somebody has agreed.
func TestBlueGreen(t *testing.T) {
	s, u := behindGateway(t, quick+`
strategy: blueGreen
steps:
- {name: preview, match: [{header: {name: X-Preview, exact: "yes"}}], approve: {}}
- {name: switch, weight: 100, hold: 3s, match: []}
`)
	testers := s.users("X-Preview", "yes")
	s.podinfo("v2")
	name := s.begun()
	testers.served("v2", 4*pace)
	if n := u.soFar().Groups["v2"].Requests; n > 0 {
		t.Errorf("%d requests without the header were answered by the preview", n)
	}
	s.at(name, "preview", "AwaitingApproval", long)
	s.must("approve", "podinfo", "--reason", "looks good")
	s.ends(name, "Promoted", long)
	u.nothingFrom(pace, "v1")
	s.pristine("v2")
	u.report("v1", "v2")
	testers.report("v1", "v2")
}

// Staff get the new version by a header and others by a cookie, until it is proven; nobody else does.
func TestABByHeaderAndCookie(t *testing.T) {
	s, u := behindGateway(t, quick+`
strategy: ab
steps:
- name: insiders
  match:
  - header: {name: X-Staff, present: true}
  - cookie: {name: beta, exact: "on"}
  hold: 5s
  approve: {}
`)
	staff, beta := s.users("X-Staff", "ana"), s.users("Cookie", "theme=dark; beta=on")
	s.podinfo("v2")
	name := s.begun()
	staff.served("v2", 2*pace)
	beta.served("v2", 2*pace)
	if n := u.soFar().Groups["v2"].Requests; n > 0 {
		t.Errorf("%d requests of others were answered by the new version", n)
	}
	staff.nothingFrom(pace, "v1")
	beta.nothingFrom(pace, "v1")
	s.at(name, "insiders", "AwaitingApproval", long)
	s.must("approve", "podinfo")
	s.ends(name, "Promoted", long)
	s.pristine("v2")
	for _, all := range []*users{u, staff, beta} {
		all.report("v1", "v2")
	}
}
