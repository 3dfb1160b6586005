package gatewayapi

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/attached"
	"serin.dev/serin/internal/plan"
)

// A class is what a GatewayClass says of the gateways of its kind.
type class struct {
	name, controller string
	features         []string
}

// mirrors refuses a mirror that a gateway of the route would not make. The route's status cannot be trusted with it: Traefik
// says Accepted and answers every request of the rule with 500.
func mirrors(ctx context.Context, live client.Reader, route *unstructured.Unstructured, m plan.Mirror) error {
	all, err := attached.Parents(route)
	if err != nil {
		return err
	}
	for _, p := range all {
		if *p.Kind != "Gateway" {
			continue // a mesh has no class to ask
		}
		c, found, err := classOf(ctx, live, p)
		if err != nil {
			return fmt.Errorf("look whether %s can mirror: %w", p, err)
		}
		if !found {
			continue
		}
		if lacks := c.lacks(m, route.GetKind()); lacks != "" {
			return &cluster.Problem{
				Reason: cluster.RouteUnfit, Field: "spec.steps",
				Text:   fmt.Sprintf("%s cannot mirror requests: its class %s (%s) %s", p, c.name, c.controller, lacks),
				Remedy: "drop `mirror`, or choose a gateway that can",
			}
		}
	}
	return nil
}

// lacks says what keeps the class from mirroring; nothing where nothing is known against it.
func (c class) lacks(m plan.Mirror, kind string) string {
	if len(c.features) == 0 || kind != httpRoute {
		if c.controller == "traefik.io/gateway-controller" {
			return "is known not to"
		}
		return ""
	}
	needs := []string{"HTTPRouteRequestMirror"}
	if m.Share < plan.Whole {
		needs = append(needs, "HTTPRouteRequestPercentageMirror")
	}
	for _, feature := range needs {
		if !slices.Contains(c.features, feature) {
			return "does not list the feature " + feature
		}
	}
	return ""
}

func classOf(ctx context.Context, live client.Reader, p attached.Parent) (class, bool, error) {
	gateway, class := empty("Gateway"), class{}
	if err := live.Get(ctx, types.NamespacedName{Namespace: p.Namespace, Name: p.Name}, gateway); err != nil {
		return class, false, client.IgnoreNotFound(err)
	}
	class.name, _, _ = unstructured.NestedString(gateway.Object, "spec", "gatewayClassName")
	kind := empty("GatewayClass")
	err := live.Get(ctx, types.NamespacedName{Name: class.name}, kind)
	if apierrors.IsNotFound(err) {
		return class, false, nil
	}
	class.controller, _, _ = unstructured.NestedString(kind.Object, "spec", "controllerName")
	listed, _, _ := unstructured.NestedSlice(kind.Object, "status", "supportedFeatures")
	for _, f := range listed {
		switch f := f.(type) {
		case string: // before v1.3
			class.features = append(class.features, f)
		case map[string]any:
			class.features = append(class.features, text(f, "name"))
		}
	}
	return class, true, err
}
