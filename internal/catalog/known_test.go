package catalog

import (
	"strings"
	"testing"

	"serin.dev/serin/internal/dialect/native"
)

// Shares by endpoints are written as a mode of Gateway API, and are a router of their own with fewer features.
func TestGatewayAPIInModeEndpointsIsTheRouterEndpoints(t *testing.T) {
	read := func(traffic, steps string) (string, string) {
		canary := "apiVersion: serin.dev/v1alpha1\nkind: Canary\nmetadata: {name: shop, namespace: shop}\nspec:\n" +
			"  target: {kind: Deployment, name: shop}\n  traffic: " + traffic + "\n  steps: " + steps + "\n"
		drafts, notes := native.Read("shop.yaml", []byte(canary), OnCluster())
		var words []string
		for _, n := range notes {
			words = append(words, n.String())
		}
		if len(drafts) == 0 {
			return "", strings.Join(words, "\n")
		}
		return drafts[0].Router.Kind, strings.Join(words, "\n")
	}
	for _, c := range []struct{ traffic, router, note string }{
		{`{gatewayAPI: {mode: endpoints, route: shop, service: shop}}`, "endpoints", ""},
		{`{endpoints: {}}`, "endpoints", ""},
		{`{gatewayAPI: {route: shop}}`, "gatewayAPI", ""},
		{`{gatewayAPI: {mode: endpoints, gateway: web}}`, "", "gateway"},
	} {
		if router, notes := read(c.traffic, "[{weight: 25}]"); router != c.router || (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%s: router %q and notes %q, want %q and %q", c.traffic, router, notes, c.router, c.note)
		}
	}
}
