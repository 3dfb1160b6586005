package gatewayapi

import (
	"context"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// watches: whoever changes a route that serin has its hands on, or reports on it, wakes the targets of its annotation.
var watches = []cluster.Watch{
	{Object: empty(httpRoute), Targets: targets},
	{Object: empty(grpcRoute), Targets: targets},
}

func targets(_ context.Context, _ *cluster.Access, o client.Object) []string {
	h, err := readHeld(o)
	if err != nil {
		return []string{}
	}
	return h.Names()
}

// allowed: routes are edited, and made in the mode own, which also looks up a Service's port. Gateways and their classes say
// whether they can mirror.
var allowed = cluster.Rules{
	rbacv1.PolicyRule{
		APIGroups: []string{group}, Resources: []string{"httproutes", "grpcroutes"},
		Verbs: []string{"get", "list", "watch", "create", "update"},
	},
	rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{"gateways", "gatewayclasses"}, Verbs: []string{"get"}},
	rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"get"}},
}
