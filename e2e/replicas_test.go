package e2e

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const byReplicas = `
metrics: {every: 1s, scrape: {}}
judge:
  failures: {tolerate: 1.5x, plus: 1%, harmful: {ratio: 2x, plus: 5%}}
  latency: {tolerate: 5x, harmful: {ratio: 20x}}
steps:
- {weight: 25, hold: 3s}
- {weight: 50, approve: {}}
`

// behindService plays podinfo without any router: users come through the Service, one connection for each request, so that
// their share follows from the number of pods.
func behindService(t *testing.T) (*stage, *users) {
	s := newStage(t)
	s.words["REPLICAS"] = "4"
	s.podinfo("v1")
	s.file("service")
	s.canary(byReplicas)
	u := s.throughService()
	u.served("v1", pace)
	return s, u
}

func (s *stage) throughService() *users {
	s.Helper()
	var service corev1.Service
	if err := s.Get(s.Context(), client.ObjectKey{Namespace: s.ns, Name: "podinfo"}, &service); err != nil {
		s.Fatal(err)
	}
	base := "http://" + service.Spec.ClusterIP
	s.served(base, "v1")
	return s.usersOf(base, pace, "Connection", "close")
}

// A good version takes over pod by pod, and the share of the requests is that of the pods.
func TestPromoteByReplicas(t *testing.T) {
	s, u := behindService(t)
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "50%", "AwaitingApproval", long)
	if share := u.share("v2"); share < 0.38 || share > 0.62 { // five standard deviations
		t.Errorf("the canary has half of the pods and %.0f %% of 400 requests", 100*share)
	}
	s.must("approve", "podinfo")
	s.ends(name, "Promoted", slow)
	u.nothingFrom(pace, "v1")
	s.pristine("v2")
	u.report("v1", "v2")
}

// share is the part of 400 more requests that a version answers.
func (u *users) share(version string) float64 {
	u.s.Helper()
	before := u.soFar()
	u.s.await("400 more requests", long, func(context.Context) (bool, error) {
		return u.soFar().Total.Requests >= before.Total.Requests+400, nil
	})
	after := u.soFar()
	return float64(after.Groups[version].Requests-before.Groups[version].Requests) / float64(after.Total.Requests-before.Total.Requests)
}

// A bad version is sent back.
func TestRollBackByReplicas(t *testing.T) {
	s, u := behindService(t)
	s.podinfo("errors", "--random-error")
	s.says(s.ends(s.begun(), "RolledBack", 2*time.Minute), "AnalysisFailed", "failures")
	u.nothingFrom(pace, "errors", broken)
	s.pristine("v1")
	u.report("v1", "errors", broken)
}

// Without any router a quarter of the pods gets a quarter of the requests, because serin chooses who stands behind the Service; it
// costs no pods of stable. When all is over Kubernetes keeps the Service.
func TestPromoteByEndpoints(t *testing.T) {
	s := newStage(t)
	s.words["REPLICAS"] = "3"
	s.podinfo("v1")
	s.file("chosen")
	s.canary(limits + `
traffic: {endpoints: {}}
steps:
- {weight: 25, approve: {}}
`)
	u := s.throughService()
	u.served("v1", pace)
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "25%", "AwaitingApproval", long)
	if share := u.share("v2"); share < 0.14 || share > 0.36 { // five standard deviations
		t.Errorf("one of four pods is the canary's, and it gets %.0f %% of 400 requests", 100*share)
	}
	s.must("approve", "podinfo")
	s.ends(name, "Promoted", long)
	u.nothingFrom(pace, "v1")
	s.pristine("v2")
	u.report("v1", "v2")
}
