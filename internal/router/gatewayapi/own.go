package gatewayapi

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
)

// newRoute is a route of serin's own, before it has rules.
func (o order) newRoute() *unstructured.Unstructured {
	route := hands.Empty(o.id.at())
	route.SetLabels(map[string]string{cluster.TargetLabel: o.key.Label()})
	return route
}

// dress gives a route of serin's own what the settings say, and returns the rules it has while nothing is released. It has no
// owner: it has to outlive what it was made for, since users come by it.
func (r *Router) dress(ctx context.Context, o order, route *unstructured.Unstructured, rules []rule) ([]rule, error) {
	if route.GetLabels()[cluster.TargetLabel] != o.key.Label() {
		return nil, &cluster.Problem{
			Reason: cluster.RouteTaken, Field: field("mode"), Text: fmt.Sprintf("%s is there and not serin's", o.id),
			Remedy: "rename it, or let serin be its guest: `route: " + o.id.name + "`",
		}
	}
	port, err := r.port(ctx, o, rules)
	if err != nil {
		return nil, err
	}
	var refs, hosts []any
	for _, p := range o.settings.Parents {
		refs = append(refs, p.ref())
	}
	for _, h := range o.settings.Hostnames {
		hosts = append(hosts, h)
	}
	spec, ok := route.Object["spec"].(map[string]any)
	if !ok {
		spec = map[string]any{}
		route.Object["spec"] = spec
	}
	spec["parentRefs"] = refs
	delete(spec, "hostnames")
	if len(hosts) > 0 {
		spec["hostnames"] = hosts
	}
	plain := rule{"backendRefs": []any{map[string]any{
		"group": "", "kind": "Service", "name": o.Services[plan.Stable], "port": port, "weight": int64(1),
	}}}
	if o.id.kind == httpRoute {
		plain["matches"] = []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}}
	}
	return []rule{plain}, nil
}

// port is that of the Services: the settings', the one the route has, or the only one of stable's Service.
func (r *Router) port(ctx context.Context, o order, rules []rule) (int64, error) {
	if o.settings.Port != 0 {
		return o.settings.Port, nil
	}
	for _, have := range rules {
		for _, ref := range have.maps("backendRefs") {
			if port, ok := ref["port"].(int64); ok && text(ref, "name") == o.Services[plan.Stable] {
				return port, nil
			}
		}
	}
	var s corev1.Service
	name := types.NamespacedName{Namespace: o.id.namespace, Name: o.Services[plan.Stable]}
	if err := r.Live.Get(ctx, name, &s); err != nil {
		return 0, cluster.NotFound(err, cluster.TargetUnfit, field("service"), "make it, or name another")
	}
	if len(s.Spec.Ports) != 1 {
		return 0, &cluster.Problem{
			Reason: cluster.TargetUnfit, Field: field("port"),
			Text: fmt.Sprintf("Service %s has %d ports", name, len(s.Spec.Ports)), Remedy: "name the one to send requests to",
		}
	}
	return int64(s.Spec.Ports[0].Port), nil
}

// ref writes a parent as the API server keeps it.
func (p Parent) ref() map[string]any {
	ref := map[string]any{"group": group, "kind": "Gateway", "name": p.Name}
	for field, value := range map[string]string{"group": p.Group, "kind": p.Kind, "namespace": p.Namespace, "sectionName": p.SectionName} {
		if value != "" {
			ref[field] = value
		}
	}
	if p.Port != 0 {
		ref["port"] = p.Port
	}
	return ref
}
