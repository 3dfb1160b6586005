package gatewayapi

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/intstr"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// pick chooses the rules to edit: the named ones, or all that send to the target's Services and nowhere else.
func pick(rules []rule, s Settings, tracks services, id routeID) ([]int, error) {
	if len(s.Rules) > 0 {
		return named(rules, s.Rules, tracks, id)
	}
	var all []int
	for i, r := range rules {
		if tracks.all(r, id.namespace) {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return nil, &cluster.Problem{
			Reason: cluster.RouteUnfit, Field: field("rules"),
			Text:   fmt.Sprintf("no rule of %s sends to the Service %s alone", id, tracks[plan.Stable]),
			Remedy: "let one, choose another route, or name its Service with `service`",
		}
	}
	return all, nil
}

func named(rules []rule, names []intstr.IntOrString, tracks services, id routeID) ([]int, error) {
	var all []int
	for i, name := range names {
		at := name.IntValue()
		if name.Type == intstr.String {
			at = slices.IndexFunc(rules, func(r rule) bool { return r.name() == name.StrVal })
		}
		if at < 0 || at >= len(rules) {
			return nil, &cluster.Problem{
				Reason: cluster.RouteUnfit, Field: field(fmt.Sprintf("rules[%d]", i)),
				Text: fmt.Sprintf("%s has no rule %s", id, name.String()), Remedy: "name one that it has",
			}
		}
		if !tracks.all(rules[at], id.namespace) {
			return nil, &cluster.Problem{
				Reason: cluster.RouteUnfit, Field: field(fmt.Sprintf("rules[%d]", i)),
				Text: fmt.Sprintf("%s of %s sends to other back ends than the Service %s of its own namespace",
					rules[at].at(at), id, tracks[plan.Stable]),
				Remedy: "let it send to the target's Services alone",
			}
		}
		if !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	return all, nil
}

// all reports whether a rule sends to the Services of tracks and nowhere else, with stable among them.
func (s services) all(r rule, namespace string) bool {
	if _, ok := r.shares(s, namespace); !ok {
		return false
	}
	return slices.ContainsFunc(r.maps("backendRefs"), func(ref map[string]any) bool {
		name, plain := service(ref, namespace)
		return plain && name == s[plan.Stable]
	})
}

func field(name string) string { return "spec.traffic.gatewayAPI." + name }
