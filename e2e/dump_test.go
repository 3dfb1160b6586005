package e2e

import (
	"context"
	"os/exec"
	"time"
)

// dump shows what a failed story left on stage.
func (s *stage) dump() {
	if !s.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, args := range [][]string{
		{"get", "canaries,releases,actions,deployments,statefulsets,daemonsets,pods,services,httproutes", "-o", "wide", "-n", s.ns},
		{"get", "canaries", "-o", "jsonpath={range .items[*]}{.metadata.name}: {.status.conditions} {.status.diagnostics}{\"\\n\"}{end}", "-n", s.ns},
		{"get", "releases", "-o", "jsonpath={range .items[*]}{.metadata.name}: {.status.phase} {.status.step} {.status.waiting} {.status.conditions}{\"\\n\"}{end}", "-n", s.ns},
		{"get", "httproutes", "-o", "jsonpath={range .items[*]}{.metadata.name}: {.spec.rules} {.metadata.annotations}{\"\\n\"}{end}", "-n", s.ns},
		{"get", "events.events.k8s.io", "-n", s.ns, "--sort-by=.metadata.creationTimestamp",
			"-o", "custom-columns=AT:.metadata.creationTimestamp,OF:.regarding.name,REASON:.reason,NOTE:.note"},
	} {
		out, err := theatre.kubectl(ctx, args...)
		if err != nil {
			s.Logf("%v", err)
			continue
		}
		s.Logf("%s", out)
	}
	if out, err := exec.CommandContext(ctx, program, "explain", "podinfo", "--kubeconfig", theatre.kubeconfig, "--namespace", s.ns).CombinedOutput(); err == nil {
		s.Logf("%s", out)
	}
	s.Logf("controller %s:\n%s", s.serin.name, s.serin.log.tail(60, s.ns, "panic", "goroutine"))
}
