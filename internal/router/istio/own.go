package istio

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
)

// newVirtualService is one of serin's own, before it has routes.
func (o order) newVirtualService() *unstructured.Unstructured {
	vs := hands.Empty(virtualService, o.at)
	vs.SetLabels(map[string]string{cluster.TargetLabel: o.key.Label()})
	return vs
}

// dress gives a VirtualService of serin's own what the settings say, and returns the routes it has while nothing is released. It
// has no owner: it has to outlive what it was made for, since users come by it.
func (o order) dress(vs *unstructured.Unstructured) (section, error) {
	if vs.GetLabels()[cluster.TargetLabel] != o.key.Label() {
		return nil, &cluster.Problem{
			Reason: cluster.RouteTaken, Field: field("mode"), Text: fmt.Sprintf("%s is there and not serin's", title(vs)),
			Remedy: "rename it, or let serin be its guest: `virtualService: " + vs.GetName() + "`",
		}
	}
	to := map[string]any{"host": o.Services[plan.Stable]}
	if o.settings.Port != 0 {
		to["port"] = map[string]any{"number": o.settings.Port}
	}
	if d := o.settings.DestinationRule; d != nil {
		to["subset"] = d.Subsets[plan.Stable]
	}
	plain := route{"route": []any{map[string]any{"destination": to}}}
	spec := map[string]any{"hosts": list(o.settings.Hosts), http: []any{map[string]any(plain)}}
	switch {
	case o.settings.Delegate:
		delete(spec, "hosts") // or the root could not hand over to it
	case len(o.settings.Hosts) == 0:
		spec["hosts"] = []any{o.Services[plan.Stable]}
	}
	if len(o.settings.Gateways) > 0 {
		spec["gateways"] = list(o.settings.Gateways)
	}
	if was, ok := vs.Object["spec"].(map[string]any); ok {
		spec[http] = was[http]
	}
	vs.Object["spec"] = spec
	return section{http: {plain}}, nil
}

func list(words []string) []any {
	all := make([]any, len(words))
	for i, w := range words {
		all[i] = w
	}
	return all
}

// encode writes settings in one form, whatever the user's blanks.
func encode(s Settings) (json.RawMessage, error) { return json.Marshal(s) }
