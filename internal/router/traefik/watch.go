package traefik

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"serin.dev/serin/internal/cluster"
)

// watches: whoever changes a TraefikService of serin's wakes the target of its label.
var watches = []cluster.Watch{{Object: empty()}}

// allowed: TraefikServices are made and written, and the one beside goes when the mirror does. Services are looked up for their
// ports, and their endpoints before they get requests.
var allowed = cluster.Rules{
	rbacv1.PolicyRule{
		APIGroups: []string{group}, Resources: []string{"traefikservices"},
		Verbs: []string{"get", "list", "watch", "create", "patch", "update", "delete"},
	},
	rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"get"}},
	rbacv1.PolicyRule{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list"}},
}
