package endpoints

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// watches: whoever changes a Service that is released wakes its target.
var watches = []cluster.Watch{{Object: &corev1.Service{}, Targets: targets}}

func targets(_ context.Context, _ *cluster.Access, o client.Object) []string {
	if s, ok := o.(*corev1.Service); ok {
		if rec, err := readRecord(s); err == nil && rec.Target != "" {
			return []string{rec.Target}
		}
	}
	return []string{}
}

// allowed: slices are written and removed, Services get a selector and lose it, with the Endpoints object that comes of it. Pods are read
// for their addresses, targets for their selectors, and a route that is named for what its gateways say.
var allowed = cluster.Rules{
	rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"get", "list", "watch", "patch"}},
	rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
	rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"endpoints"}, Verbs: []string{"delete"}},
	rbacv1.PolicyRule{
		APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list", "create", "update", "delete"},
	},
	rbacv1.PolicyRule{
		APIGroups: []string{"apps"}, Resources: []string{"deployments", "statefulsets", "daemonsets", "replicasets"}, Verbs: []string{"get"},
	},
	rbacv1.PolicyRule{
		APIGroups: []string{"gateway.networking.k8s.io"}, Resources: []string{"httproutes", "grpcroutes"}, Verbs: []string{"get", "list", "watch"},
	},
}
