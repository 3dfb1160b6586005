package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// set plays podinfo as a StatefulSet or DaemonSet: its pods are replaced batch by batch in their places, behind its Service.
func set(t *testing.T, kind, canary string) (*stage, *users) {
	s := newStage(t)
	s.words["REPLICAS"] = "4"
	s.words["KIND"] = kind
	s.file(strings.ToLower(kind), "service")
	s.apply(canaryOf("podinfo", kind, canary))
	s.settled()
	u := s.throughService()
	u.served("v1", pace)
	return s, u
}

// version applies another version of the set.
func (s *stage) version(version string, args ...string) {
	s.Helper()
	s.words["VERSION"], s.words["ARGS"] = version, ""
	if len(args) > 0 {
		s.words["ARGS"] = ", " + strings.Join(args, ", ")
	}
	s.file(strings.ToLower(s.words["KIND"]))
}

func TestPromoteStatefulSet(t *testing.T) {
	s, u := set(t, "StatefulSet", byReplicas)
	s.version("v2")
	name := s.begun()
	s.at(name, "50%", "AwaitingApproval", long)
	s.must("approve", "podinfo")
	s.ends(name, "Promoted", slow)
	u.nothingFrom(pace, "v1")
	s.pristine("v2")
	u.report("v1", "v2")
}

func TestRollBackStatefulSet(t *testing.T) {
	s, u := set(t, "StatefulSet", byReplicas)
	s.version("errors", "--random-error")
	s.says(s.ends(s.begun(), "RolledBack", 3*time.Minute), "AnalysisFailed", "failures")
	u.nothingFrom(pace, "errors", broken)
	s.pristine("v1")
	u.report("v1", "errors", broken)
}

// Nothing changes but a ConfigMap, and it is released as any version is: pods of stable keep the old content whatever becomes of
// them, and going back brings it back. Nothing of it is left over.
func TestConfigMapOfAStatefulSet(t *testing.T) {
	s := newStage(t)
	s.words["REPLICAS"] = "2"
	s.file("configured", "service")
	s.apply(canaryOf("podinfo", "StatefulSet", "judge: {kind: none}\nsteps:\n- {weight: 50, approve: {}}"))
	s.settled()
	u := s.throughService()
	u.served("v1", pace)
	s.words["VERSION"] = "v2"
	s.file("configured")
	first := s.begun()
	s.at(first, "50%", "AwaitingApproval", long)
	u.served("v2", pace/2)
	s.must("reject", "podinfo")
	s.ends(first, "RolledBack", long)
	u.nothingFrom(pace, "v2")

	s.must("retry", "podinfo")
	second := s.begun()
	s.at(second, "50%", "AwaitingApproval", long)
	s.must("approve", "podinfo")
	s.ends(second, "Promoted", long)
	u.nothingFrom(pace, "v1")
	s.pristine("v1")
	s.await("only the user's ConfigMap is there", long, func(ctx context.Context) (bool, error) {
		var all corev1.ConfigMapList
		err := s.List(ctx, &all, client.InNamespace(s.ns), client.HasLabels{cluster.TargetLabel})
		return len(all.Items) <= 1, err // the copy that stable's pods read
	})
	u.report("v1", "v2")
}

// On one node a DaemonSet has one pod, so a person, not the judge, lets its successor stay; and without a second pod nobody
// answers while it is replaced, so nobody is counted.
func TestDaemonSet(t *testing.T) {
	s := newStage(t)
	s.words["REPLICAS"], s.words["KIND"] = "1", "DaemonSet"
	s.file("daemonset", "service")
	s.apply(canaryOf("podinfo", "DaemonSet", "judge: {kind: none}\nsteps:\n- {weight: 100, approve: {}}"))
	s.settled()
	s.version("v2")
	first := s.begun()
	s.at(first, "100%", "AwaitingApproval", long)
	s.must("reject", "podinfo")
	s.ends(first, "RolledBack", long)
	s.pristine("v1")

	s.must("retry", "podinfo")
	second := s.begun()
	s.at(second, "100%", "AwaitingApproval", long)
	s.must("approve", "podinfo")
	s.ends(second, "Promoted", long)
	s.pristine("v2")
}
