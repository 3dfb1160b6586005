package gate

import (
	"strings"
	"testing"

	"serin.dev/serin/internal/plan"
)

func TestAdmit(t *testing.T) {
	groups := Groups{"sre": {"ana", "ben"}, "nobody": {}}
	cases := []struct {
		reason  string
		gate    plan.Approved
		actor   string
		groups  Groups
		refused string // part of the error; empty: admitted
	}{
		{"a member may", plan.Approved{Group: "sre"}, "ana", groups, ""},
		{"every member may", plan.Approved{Group: "sre"}, "ben", groups, ""},
		{"somebody else may not", plan.Approved{Group: "sre"}, "eve", groups, `approve as eve: not a member of group "sre"`},
		{"names are compared exactly", plan.Approved{Group: "sre"}, "Ana", groups, "not a member"},
		{"part of a name is no name", plan.Approved{Group: "sre"}, "an", groups, "not a member"},
		{"the group's own name is not a member", plan.Approved{Group: "sre"}, "sre", groups, "not a member"},
		{"without a group anyone with a name may", plan.Approved{}, "eve", groups, ""},
		{"without a group no groups are needed", plan.Approved{}, "eve", nil, ""},
		{"nobody may without a name", plan.Approved{}, "", groups, "does not say who gave it"},
		{"nor where a group is asked for", plan.Approved{Group: "sre"}, "", groups, "does not say who gave it"},
		{"a name that is empty in the list opens nothing", plan.Approved{Group: "x"}, "", Groups{"x": {""}}, "does not say who gave it"},
		{"an unknown group has no members", plan.Approved{Group: "dba"}, "ana", groups, `group "dba", which has no members`},
		{"an empty group has none either", plan.Approved{Group: "nobody"}, "ana", groups, "not a member"},
		{"no groups were written down", plan.Approved{Group: "sre"}, "ana", nil, "has no members"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			err := Admit(c.gate, plan.Act{Verb: plan.Approve, Actor: c.actor}, c.groups)
			switch {
			case c.refused == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
				t.Errorf("got %v, want an error with %q", err, c.refused)
			}
		})
	}
}
