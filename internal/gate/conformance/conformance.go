// Package conformance is the suite that every keeper passes.
package conformance

import (
	"context"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/gate"
	"serin.dev/serin/internal/plan"
)

// Members are the groups of the suite: ana and ben belong to sre, nobody to nobody. A keeper that knows groups from
// elsewhere has them so there.
var members = map[string][]string{"sre": {"ana", "ben"}, "nobody": {}, "blank": {""}}

// Run runs the suite.
func Run(t *testing.T, d gate.Driver) {
	keeper, err := d.New()
	if err != nil {
		t.Fatal(err)
	}
	sre := plan.Approved{Group: "sre"}
	for _, c := range []struct {
		reason  string
		gate    plan.Approved
		actor   string
		brings  []string // groups
		groups  map[string][]string
		refused string // part of the error; empty: admitted
	}{
		{"a member may", sre, "ana", nil, members, ""},
		{"every member may", sre, "ben", nil, members, ""},
		{"somebody else may not", sre, "eve", nil, members, "as eve"},
		{"names are compared exactly", sre, "Ana", nil, members, "not a member"},
		{"part of a name is no name", sre, "an", nil, members, "not a member"},
		{"the group's own name is not a member", sre, "sre", nil, members, "not a member"},
		{"without a group anyone with a name may", plan.Approved{}, "eve", nil, members, ""},
		{"without a group no groups are needed", plan.Approved{}, "eve", nil, nil, ""},
		{"nobody may without a name", plan.Approved{}, "", nil, members, "who gave it"},
		{"nor where a group is asked for", sre, "", nil, members, "who gave it"},
		{"a name that is empty in the list opens nothing", plan.Approved{Group: "blank"}, "", nil, members, "who gave it"},
		{"an unknown group has no members", plan.Approved{Group: "dba"}, "ana", nil, members, `"dba"`},
		{"an empty group has none either", plan.Approved{Group: "nobody"}, "ana", nil, members, "not a member"},
		{"no groups were written down", sre, "ana", nil, nil, "no members"},
		{"a group of the cluster", sre, "ana", []string{"dev", "sre"}, nil, ""},
		{"other groups of the cluster", sre, "ana", []string{"dev", "sre-interns"}, nil, "no members"},
		{"the Canary's own list goes before the cluster's", sre, "eve", []string{"sre"}, members, "not a member"},
	} {
		for _, verb := range []plan.Verb{plan.Approve, plan.Reject} {
			t.Run(c.reason+"/"+string(verb), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := keeper.Admit(ctx, gate.Request{Release: "shop-1", Gate: c.gate, Act: plan.Act{Verb: verb, Actor: c.actor, Groups: c.brings}, Groups: c.groups})
				switch {
				case c.refused == "" && err != nil:
					t.Errorf("refused: %v", err)
				case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
					t.Errorf("got %v, want an error with %q", err, c.refused)
				}
			})
		}
	}
	t.Run("who cannot tell any more refuses", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := keeper.Admit(ctx, gate.Request{Gate: sre, Act: plan.Act{Verb: plan.Approve, Actor: "ana"}, Groups: members}); err == nil {
			t.Error("admitted after the time was over")
		}
	})
}
