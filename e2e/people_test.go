package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/api/v1alpha1"
)

// asking stops at 20 % until somebody agrees.
const asking = quick + `
steps:
- {weight: 20, approve: {}}
- {weight: 50, hold: 2s}
`

// A newer version takes the place of one under way: that one goes back first, and the newer one is released from stable.
func TestSupersedeInMidRelease(t *testing.T) {
	s, u := behindGateway(t, asking)
	s.podinfo("v2")
	second := s.begun()
	s.at(second, "20%", "AwaitingApproval", long)
	u.served("v2", pace/2)

	s.podinfo("v3")
	s.says(s.ends(second, "Superseded", long), "Superseded", "v3")
	third := s.begun()
	s.at(third, "20%", "AwaitingApproval", long)
	u.nothingFrom(pace, "v2")
	s.must("approve", "podinfo")
	s.ends(third, "Promoted", long)
	u.nothingFrom(pace, "v1", "v2")
	s.pristine("v3")
	u.report("v1", "v2", "v3")
}

// A paused release stands still, whatever its plan says, and goes on when it is resumed by plain kubectl.
func TestPauseAndResume(t *testing.T) {
	s, u := behindGateway(t, quick+`
steps:
- {weight: 20, hold: 8s}
- {weight: 50, hold: 2s}
`)
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "20%", "", long)
	s.must("pause", "podinfo", "--reason", "lunch")
	s.at(name, "20%", "Paused", long)
	u.served("v1", 12*pace) // longer than the hold of the step
	s.at(name, "20%", "Paused", long)
	if c, err := s.look(t.Context()); err != nil || condition(c.Status.Conditions, v1alpha1.Ready).Reason != "Paused" {
		t.Errorf("the Canary says %+v, %v", c.Status.Conditions, err)
	}

	if a := s.action("", "resume"); a.Status.State != v1alpha1.Done {
		t.Errorf("the Action that resumes is %s: %s", a.Status.State, a.Status.Message)
	}
	s.ends(name, "Promoted", long)
	u.report("v1", "v2")
}

// An aborted release goes back; the same version is not tried again until somebody wants it.
func TestAbortAndRetry(t *testing.T) {
	s, u := behindGateway(t, asking)
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "20%", "AwaitingApproval", long)
	s.must("abort", "podinfo", "--reason", "wrong day")
	s.says(s.ends(name, "RolledBack", long), "Aborted", "wrong day")
	if out, code := s.command("wait", "podinfo", "--timeout", "30s"); code != 1 {
		t.Errorf("serin wait exits with %d after a rollback, want 1: %s", code, out)
	}
	u.nothingFrom(2*pace, "v2")

	s.must("retry", "podinfo", "--reason", "right day")
	again := s.begun()
	s.at(again, "20%", "AwaitingApproval", long)
	s.must("promote", "podinfo", "--reason", "in a hurry")
	s.ends(again, "Promoted", long)
	s.pristine("v2")
	u.report("v1", "v2")
}

// Only members of the group may approve; whoever waits for the release is told that it waits for a person.
func TestApproval(t *testing.T) {
	s := newStage(t)
	u := s.openGateway(fmt.Sprintf("%s\ngroups: {sre: [%q]}\nsteps:\n- {weight: 50, hold: 2s}\n- {name: consent, approve: {group: sre, within: 5m}}\n", quick, s.whoAmI()))
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "consent", "AwaitingApproval", long)
	if out, code := s.command("wait", "podinfo", "--timeout", "30s"); code != 3 {
		t.Errorf("serin wait exits with %d while an approval is awaited, want 3: %s", code, out)
	}

	s.grant("mallory")
	if a := s.action("mallory", "approve"); a.Status.State != v1alpha1.Refused || !strings.Contains(a.Status.Message, "mallory") {
		t.Errorf("the approval by a stranger is %s: %q", a.Status.State, a.Status.Message)
	}
	s.at(name, "consent", "AwaitingApproval", long)
	s.must("approve", "podinfo", "--reason", "all well")
	s.ends(name, "Promoted", long)
	u.report("v1", "v2")
}

// A rejection sends the release back.
func TestRejection(t *testing.T) {
	s, u := behindGateway(t, asking)
	s.podinfo("v2")
	name := s.begun()
	s.at(name, "20%", "AwaitingApproval", long)
	if a := s.action("", "reject"); a.Status.State != v1alpha1.Done {
		t.Errorf("the rejection is %s: %s", a.Status.State, a.Status.Message)
	}
	s.says(s.ends(name, "RolledBack", long), "Rejected", "")
	u.nothingFrom(pace, "v2")
	u.report("v1", "v2")
}

// says checks why a release ended.
func (s *stage) says(r v1alpha1.Release, reason, word string) {
	s.Helper()
	c := condition(r.Status.Conditions, v1alpha1.Ready)
	if c.Reason != reason || !strings.Contains(c.Message, word) {
		s.Errorf("release %s ended with %s: %q; want %s and %q", r.Name, c.Reason, c.Message, reason, word)
	}
}

// whoAmI is the name that the API server knows us by.
func (s *stage) whoAmI() string {
	s.Helper()
	name, err := theatre.kubectl(s.Context(), "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
	if err != nil {
		s.Fatal(err)
	}
	return name
}

// grant lets somebody make Actions.
func (s *stage) grant(user string) {
	s.Helper()
	s.words["USER"] = user
	s.file("actor")
}

// action makes an Action with plain kubectl, as ourselves or as somebody else, and waits for the answer.
func (s *stage) action(as, verb string) (a v1alpha1.Action) {
	s.Helper()
	actor, flags := as, []string{"--as", as}
	if as == "" {
		actor, flags = s.whoAmI(), nil
	}
	name := verb + "-" + fmt.Sprint(time.Now().UnixMilli())
	file := s.TempDir() + "/action.yaml"
	write(s.T, file, fmt.Sprintf("apiVersion: serin.dev/v1alpha1\nkind: Action\nmetadata: {name: %s, namespace: %s}\nspec: {canary: podinfo, verb: %s, actor: %q}\n", name, s.ns, verb, actor))
	if _, err := theatre.kubectl(s.Context(), append([]string{"create", "-f", file}, flags...)...); err != nil {
		s.Fatal(err)
	}
	s.await("the Action is answered", 30*time.Second, func(ctx context.Context) (bool, error) {
		err := s.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: name}, &a)
		return a.Status.State != "", err
	})
	return a
}
