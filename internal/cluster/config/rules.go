package config

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"serin.dev/serin/internal/cluster"
)

// Rules are what reading and copying ConfigMaps needs to be allowed.
func Rules() cluster.Rules {
	return cluster.Rules{rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "watch", "create", "delete"}}}
}

// SecretRules are what Secrets as part of a revision need besides. They are no part of any cluster-wide role: the owner of a
// namespace grants them there.
func SecretRules() cluster.Rules {
	return cluster.Rules{rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "create", "delete"}}}
}
