package controller

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/reconcile"
	"serin.dev/serin/internal/releases"
	"serin.dev/serin/internal/releases/objects"
)

// The first Canary of a target has it.
func TestRival(t *testing.T) {
	cart := strings.ReplaceAll(checkout, `"name":"checkout"`, `"name":"cart"`)
	for _, c := range []struct {
		why    string
		others []*objects.Canary
		want   string
	}{
		{"alone", nil, ""},
		{"one that is older", []*objects.Canary{canaryNamed("old", checkout, time.Hour)}, "old"},
		{"one that is younger", []*objects.Canary{canaryNamed("young", checkout, time.Second)}, ""},
		{"an older one of another target", []*objects.Canary{canaryNamed("old", cart, time.Hour)}, ""},
		{"one of the same second and a smaller uid", []*objects.Canary{canaryNamed("a", checkout, time.Minute)}, "a"},
		{"one of the same second and a larger uid", []*objects.Canary{canaryNamed("z", checkout, time.Minute)}, ""},
		{"one that cannot be understood", []*objects.Canary{canaryNamed("old", `{"target":1}`, time.Hour)}, ""},
		{"a younger and an older one", []*objects.Canary{canaryNamed("young", checkout, 0), canaryNamed("old", checkout, time.Hour)}, "old"},
	} {
		canary := canaryNamed("mine", checkout, time.Minute)
		all := []objects.Canary{*canary}
		for _, o := range c.others {
			all = append(all, *o)
		}
		got := ""
		if r := rival(all, canary, "Deployment/shop/checkout"); r != nil {
			got = r.Name
		}
		if got != c.want {
			t.Errorf("%s: the rival is %q, want %q", c.why, got, c.want)
		}
	}
}

// A Canary sleeps when there is nothing to do for it, and nothing left to say.
func TestRests(t *testing.T) {
	now := time.Unix(2_000_000, 0)
	for _, c := range []struct {
		why    string
		change func(*objects.Canary, *compile.Draft, *releases.Target)
		want   bool
	}{
		{"promoted, reported, a while ago", func(*objects.Canary, *compile.Draft, *releases.Target) {}, true},
		{"a new revision", func(_ *objects.Canary, d *compile.Draft, _ *releases.Target) { d.Target.Revision = "v3" }, false},
		{"a revision waits", func(_ *objects.Canary, _ *compile.Draft, t *releases.Target) { t.Waiting = "v3" }, false},
		{"another Canary has it", func(_ *objects.Canary, _ *compile.Draft, t *releases.Target) { t.Owner = "shop/other" }, false},
		{"never released", func(_ *objects.Canary, _ *compile.Draft, t *releases.Target) { t.History = nil }, false},
		{"the latest is under way", func(_ *objects.Canary, _ *compile.Draft, t *releases.Target) { t.Latest = "shop/checkout-8" }, false},
		{"it ended just now", func(_ *objects.Canary, _ *compile.Draft, t *releases.Target) {
			t.History[0].Ended = now.Add(-aftermath)
		}, false},
		{"its end was not reported", func(c *objects.Canary, _ *compile.Draft, _ *releases.Target) { c.Status.Release = "checkout-6" }, false},
		{"reported of an older spec", func(c *objects.Canary, _ *compile.Draft, _ *releases.Target) { c.Generation = 2 }, false},
		{"its end was reported otherwise", func(_ *objects.Canary, _ *compile.Draft, t *releases.Target) { t.History[0].Phase = plan.Returned }, false},
		{"sent back, and said so", func(c *objects.Canary, d *compile.Draft, t *releases.Target) {
			d.Target.Revision, t.Rejected, t.History[0].Phase = "v3", "v3", plan.Returned
			c.Status.Conditions[0].Type = v1alpha1.Stalled
		}, true},
	} {
		canary := canaryNamed("checkout", checkout, time.Hour)
		canary.Status.Release = "checkout-7"
		canary.Status.Conditions = []metav1.Condition{{Type: v1alpha1.Ready, Status: metav1.ConditionTrue, ObservedGeneration: 1}}
		d := compile.Draft{Name: "shop/checkout", Target: compile.Target{Revision: "v2"}}
		target := releases.Target{
			Owner: "shop/checkout", Stable: "v2", Latest: "shop/checkout-7", Number: 7,
			History: []releases.Line{{Release: "shop/checkout-7", To: "v2", Phase: plan.Succeeded, Ended: now.Add(-time.Hour)}},
		}
		c.change(canary, &d, &target)
		if got := rests(canary, d, target, now); got != c.want {
			t.Errorf("%s: rests %t, want %t", c.why, got, c.want)
		}
	}
}

// Few are looked at as often as they ask for, many share what there is, and nobody waits for more than a second.
func TestPace(t *testing.T) {
	const soon = 200 * time.Millisecond
	for _, c := range []struct {
		wait  time.Duration
		awake int
		want  time.Duration
	}{
		{0, 0, time.Millisecond},
		{0, 1, 2 * time.Millisecond},
		{soon, 1, soon},
		{soon, 100, soon},
		{soon, 250, 500 * time.Millisecond},
		{soon, 500, time.Second},
		{soon, 100_000, time.Second},
		{5 * time.Second, 500, 5 * time.Second},
	} {
		if got := pace(c.wait, c.awake); got != c.want {
			t.Errorf("%d awake that ask for %s come after %s, want %s", c.awake, c.wait, got, c.want)
		}
	}
}

// A release that ended long ago has nothing left to tell.
func TestSilent(t *testing.T) {
	now := time.Unix(2_000_000, 0)
	h := Herald{&Canaries{Means: Means{Loop: reconcile.New(reconcile.Means{Now: func() time.Time { return now }})}}}
	target := releases.Target{History: []releases.Line{
		{Release: "shop/checkout-1", Ended: now.Add(-time.Hour)}, {Release: "shop/checkout-2", Ended: now.Add(-time.Minute)},
	}}
	for name, want := range map[string]bool{"shop/checkout-1": true, "shop/checkout-2": false, "shop/checkout-3": false} {
		if got := h.silent(target, name); got != want {
			t.Errorf("%s is silent: %t, want %t", name, got, want)
		}
	}
}

func TestMessage(t *testing.T) {
	for want, p := range map[string]*cluster.Problem{
		"the route is gone":                            {Text: "the route is gone"},
		"the route is gone; make it":                   {Text: "the route is gone", Remedy: "make it"},
		"spec.traffic: the route is gone; make it":     {Text: "the route is gone", Remedy: "make it", Field: "spec.traffic"},
		"spec.target: target shop is owned by another": {Text: "target shop is owned by another", Field: "spec.target"},
	} {
		if got := message(p); got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
}
