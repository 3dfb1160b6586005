package istio

import (
	"context"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// watches: whoever changes a VirtualService that serin has its hands on wakes the targets of its annotation.
var watches = []cluster.Watch{{Object: empty("VirtualService"), Targets: targets}}

func targets(_ context.Context, _ *cluster.Access, o client.Object) []string {
	vs, ok := o.(*unstructured.Unstructured)
	if !ok {
		return []string{}
	}
	h, err := readHeld(vs)
	if err != nil {
		return []string{}
	}
	return h.Names()
}

// allowed: VirtualServices are edited, and made in the mode own. A DestinationRule is looked up where it is named, and made in the
// mode own, where it has to mean pods of the Service.
var allowed = cluster.Rules{
	rbacv1.PolicyRule{
		APIGroups: []string{group}, Resources: []string{"virtualservices"}, Verbs: []string{"get", "list", "watch", "create", "update"},
	},
	rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{"destinationrules"},
		Verbs: []string{"get", "list", "watch", "create", "update", "delete"}},
	rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"get"}},
	rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}},
}
