package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
)

// canary applies a Canary for podinfo with the given rest of its spec, and waits until serin has taken the target over.
func (s *stage) canary(spec string) {
	s.Helper()
	s.apply(canaryOf("podinfo", "Deployment", spec))
	s.settled()
}

// canaryOf writes a Canary whose target has its name.
func canaryOf(name, kind, spec string) string {
	spec = strings.ReplaceAll(strings.Trim(spec, "\n"), "\n", "\n  ")
	return fmt.Sprintf("apiVersion: serin.dev/v1alpha1\nkind: Canary\nmetadata: {name: %s}\nspec:\n  target: {kind: %s, name: %s}\n  %s\n", name, kind, name, spec)
}

// settled waits until the Canary is ready and remembers its newest release, so that the next one can be told from it.
func (s *stage) settled() {
	s.Helper()
	s.await("the Canary is ready", long, func(ctx context.Context) (bool, error) {
		c, err := s.look(ctx)
		if err == nil {
			s.release = c.Status.Release
		}
		return condition(c.Status.Conditions, v1alpha1.Ready).Status == metav1.ConditionTrue, err
	})
}

// look reads the Canary.
func (s *stage) look(ctx context.Context) (c v1alpha1.Canary, err error) {
	err = s.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: "podinfo"}, &c)
	return c, err
}

// condition is the condition of a type; an empty one where there is none.
func condition(all []metav1.Condition, kind string) metav1.Condition {
	for _, c := range all {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{}
}

// begun waits until another release than the last one has begun, and returns its name.
func (s *stage) begun() string {
	s.Helper()
	last := s.release
	s.await("a release begins", long, func(ctx context.Context) (bool, error) {
		c, err := s.look(ctx)
		if err == nil {
			s.release = c.Status.Release
		}
		return s.release != last, err
	})
	return s.release
}

// read reads a release.
func (s *stage) read(ctx context.Context, name string) (r v1alpha1.Release, err error) {
	err = s.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: name}, &r)
	return r, err
}

// ends waits for the end of a release, which must be the given one, and returns it.
func (s *stage) ends(name, phase string, within time.Duration) v1alpha1.Release {
	s.Helper()
	r := s.reaches(name, within, func(r v1alpha1.Release) bool { return over(r.Status.Phase) })
	if r.Status.Phase != phase {
		s.Fatalf("release %s ended as %s, want %s: %s", name, r.Status.Phase, phase, condition(r.Status.Conditions, v1alpha1.Ready).Message)
	}
	return r
}

func over(phase string) bool {
	return slices.Contains([]string{"Promoted", "RolledBack", "Superseded"}, phase)
}

// at waits until a release stands at a step and waits for the given kind of thing there ("approval", "person", ...).
func (s *stage) at(name, step, reason string, within time.Duration) v1alpha1.Release {
	s.Helper()
	return s.reaches(name, within, func(r v1alpha1.Release) bool {
		if over(r.Status.Phase) {
			s.Fatalf("release %s is over (%s) before it was at %s %s: %s", name, r.Status.Phase, step, reason, condition(r.Status.Conditions, v1alpha1.Ready).Message)
		}
		return (step == "" || r.Status.Step == step) && (reason == "" || condition(r.Status.Conditions, v1alpha1.Ready).Reason == reason)
	})
}

func (s *stage) reaches(name string, within time.Duration, there func(v1alpha1.Release) bool) (r v1alpha1.Release) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), within)
	defer cancel()
	err := until(ctx, func(ctx context.Context) (bool, error) {
		now, err := s.read(ctx, name)
		if err != nil {
			return false, err
		}
		r = now
		return there(r), nil
	})
	if err != nil {
		st := r.Status
		s.Fatalf("release %s: %v (within %s): it is %s at step %s (%s), %s", name, err, within, st.Phase, st.Step, st.Weight, st.Waiting)
	}
	return r
}

// command runs serin's command line against the cluster and returns what it wrote and how it exited.
func (s *stage) command(args ...string) (string, int) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), long)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append(args, "--kubeconfig", theatre.kubeconfig, "--namespace", s.ns)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(cmd.Environ(), "USER=ana", "NO_COLOR=1")
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.Fatalf("serin %v: %v", args, err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// must runs serin's command line and expects it to succeed.
func (s *stage) must(args ...string) string {
	s.Helper()
	out, code := s.command(args...)
	if code != 0 {
		s.Fatalf("serin %v: exit status %d: %s", args, code, out)
	}
	return out
}
