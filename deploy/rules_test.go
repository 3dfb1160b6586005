package deploy

import (
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"serin.dev/serin/internal/cluster"
)

func TestRulesAreModest(t *testing.T) {
	rule := func(group, resource string, verbs ...string) cluster.Rules {
		return cluster.Rules{rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}}
	}
	for _, c := range []struct {
		reason string
		rules  cluster.Rules
		modest bool
	}{
		{"what it needs, by name", rule("apps", "deployments", "get", "patch"), true},
		{"reading Secrets everywhere", rule("", "secrets", "get"), false},
		{"everything of a group", rule("apps", "*", "get"), false},
		{"every group", rule("*", "deployments", "get"), false},
		{"every verb", rule("apps", "deployments", "*"), false},
		{"roles", rule("rbac.authorization.k8s.io", "roles", "get"), false},
		{"other people's names", rule("", "users", "impersonate"), false},
		{"commands in pods", rule("", "pods/exec", "create"), false},
	} {
		if err := modest(c.rules); (err == nil) != c.modest {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}
