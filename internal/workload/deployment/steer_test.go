package deployment

import (
	"context"
	"log/slog"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// A tool that unpauses a held Deployment rolls out what nobody has judged: it is taken back, and none of stable is lost.
func TestUnpausedByOthers(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	said := &said{}
	s.d.log = slog.New(said)
	d := deployment(s.ns, "checkout", "v1")
	*d.Spec.Replicas = 4
	s.create(d)
	v1 := s.describe("checkout")
	s.settled("checkout", v1)
	s.version("checkout", "v2")
	s.edit("checkout", unpause)
	s.until("pods of v2 come", func(context.Context) bool { return pool(s.observe("checkout"), stablePool).Running > 4 })

	s.reach("checkout", "stable is v1 again", order(v1, workload.Description{}, 0), func(pools []plan.Pool) bool {
		p := pool(pools, stablePool)
		if p.Ready < 3 {
			t.Fatalf("stable lost more than its strategy allows: %+v", p)
		}
		return p.Revision == v1.Revision && p.Updated == 4 && p.Running == 4 && s.user("checkout").Spec.Paused
	})
	s.edit("checkout", unpause)
	s.settled("checkout", v1)
	if len(said.warnings) != 1 || said.warnings[0] != "kubectl" {
		t.Errorf("said by whom: %v, want kubectl once", said.warnings)
	}
}

// said keeps by whom a Deployment is said to have been unpaused.
type said struct{ warnings []string }

func (s *said) Enabled(context.Context, slog.Level) bool { return true }
func (s *said) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s *said) WithGroup(string) slog.Handler            { return s }
func (s *said) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "by" {
			s.warnings = append(s.warnings, a.Value.String())
		}
		return true
	})
	return nil
}

// A template that comes while a promotion is under way waits: the promotion finishes first.
func TestTemplateDuringPromotion(t *testing.T) {
	t.Parallel()
	for name, seen := range map[string]bool{"after the rollout began": true, "before the rollout began": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.create(deployment(s.ns, "checkout", "v1"))
			v1 := s.describe("checkout")
			s.settled("checkout", v1)
			s.version("checkout", "v2")
			v2 := s.describe("checkout")
			s.reach("checkout", "the canary is ready", order(v1, v2, 2), ready(canaryPool, v2.Revision, 2))
			if seen {
				s.apply("checkout", order(v2, v2, 2))
				s.until("a pod of v2 is made", func(context.Context) bool { return pool(s.observe("checkout"), stablePool).Running > 2 })
			}
			s.version("checkout", "v3")
			v3 := s.describe("checkout")

			stop := s.watchNever("a ready pod of v3, which nobody has judged", func(p *corev1.Pod) bool {
				return message(p) == "v3" && p.Labels["serin.dev/track"] == "" && !seen
			})
			s.reach("checkout", "stable is v2", order(v2, v2, 2), ready(stablePool, v2.Revision, 2))
			s.settled("checkout", v2)
			stop()
			if now := s.describe("checkout"); now.Revision != v3.Revision {
				t.Fatalf("described as %s, want %s", now.Revision, v3.Revision)
			}
			s.noWrites("checkout", order(v2, workload.Description{}, 0))

			// And the next release is like any other.
			s.reach("checkout", "the next canary is ready", order(v2, v3, 1), ready(canaryPool, v3.Revision, 1))
			s.settled("checkout", v3)
		})
	}
}

// A Deployment that is taken on while it rolls rolls on, and is held when it has.
func TestAdoptedWhileRolling(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.create(deployment(s.ns, "checkout", "v1"))
	s.until("it runs", func(context.Context) bool { return pool(s.observe("checkout"), stablePool).Ready == 2 })
	s.version("checkout", "v2")
	v2 := s.describe("checkout")
	s.settled("checkout", v2)
}
