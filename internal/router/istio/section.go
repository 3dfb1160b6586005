package istio

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// A route is one of a VirtualService, for one of the protocols.
type route map[string]any

// A section holds all routes of one protocol; a VirtualService has up to three.
type section = map[string][]route

func sections(vs *unstructured.Unstructured) (section, error) {
	all := section{}
	for _, protocol := range []string{http, tls, tcp} {
		list, there, err := unstructured.NestedSlice(vs.Object, "spec", protocol)
		if err != nil {
			return nil, fmt.Errorf("read spec.%s of %s: %w", protocol, title(vs), err)
		}
		if !there {
			continue
		}
		all[protocol] = make([]route, 0, len(list))
		for i, item := range list {
			r, ok := item.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("read spec.%s[%d] of %s: it is no object", protocol, i, title(vs))
			}
			all[protocol] = append(all[protocol], r)
		}
	}
	return all, nil
}

func setSections(vs *unstructured.Unstructured, all section) error {
	for protocol, routes := range all {
		list := make([]any, len(routes))
		for i, r := range routes {
			list[i] = map[string]any(r)
		}
		if err := unstructured.SetNestedSlice(vs.Object, list, "spec", protocol); err != nil {
			return fmt.Errorf("set spec.%s of %s: %w", protocol, title(vs), err)
		}
	}
	return nil
}

func (r route) name() string { name, _ := r["name"].(string); return name }

func (r route) copy() route { return unstructuredCopy(r) }

func unstructuredCopy(m map[string]any) map[string]any {
	return (&unstructured.Unstructured{Object: m}).DeepCopy().Object
}

// destinations are where a route sends to, with weights.
func (r route) destinations() []map[string]any {
	list, _ := r["route"].([]any)
	var all []map[string]any
	for _, item := range list {
		if d, ok := item.(map[string]any); ok {
			all = append(all, d)
		}
	}
	return all
}

// at says which route it is, for people.
func at(protocol string, i int, r route) string {
	if name := r.name(); name != "" {
		return fmt.Sprintf("spec.%s[%d] (%s)", protocol, i, name)
	}
	return fmt.Sprintf("spec.%s[%d]", protocol, i)
}

// A compass knows the destinations of tracks.
type compass struct {
	namespace string
	services  map[plan.TrackName]string
	subsets   map[plan.TrackName]string // nil: tracks are Services
}

func newCompass(namespace string, services map[plan.TrackName]string, s Settings) compass {
	c := compass{namespace: namespace, services: services}
	if s.DestinationRule != nil {
		c.subsets = s.DestinationRule.Subsets
	}
	return c
}

// track finds the track of a destination.
func (c compass) track(d map[string]any) (plan.TrackName, bool) {
	to, _ := d["destination"].(map[string]any)
	host, _ := to["host"].(string)
	subset, _ := to["subset"].(string)
	if c.subsets != nil {
		for track, name := range c.subsets {
			if subset == name && c.names(host, c.services[plan.Stable]) {
				return track, true
			}
		}
		return "", false
	}
	for _, track := range slices.Sorted(maps.Keys(c.services)) {
		if c.names(host, c.services[track]) {
			return track, true
		}
	}
	return "", false
}

// names reports whether a host names a Service of the namespace: in short, or with as much of its full name as people write.
func (c compass) names(host, service string) bool {
	if service == "" {
		return false
	}
	full := service + "." + c.namespace + ".svc.cluster.local"
	return host == service || host == service+"."+c.namespace || host == service+"."+c.namespace+".svc" || host == full
}

// shares reads what a route gives to the tracks, in thousandths; false where it sends to others as well.
func (c compass) shares(r route) (plan.Shares, bool) {
	destinations := r.destinations()
	weights, sum := map[plan.TrackName]int64{}, int64(0)
	for _, d := range destinations {
		track, ok := c.track(d)
		if !ok {
			return nil, false
		}
		weight, given := number(d["weight"])
		if !given && len(destinations) == 1 {
			weight = 1
		}
		weights[track] += weight
		sum += weight
	}
	if sum <= 0 {
		return nil, false
	}
	shares, rest := plan.Shares{}, plan.Whole
	for track, weight := range weights {
		shares[track] = plan.Share(weight * int64(plan.Whole) / sum)
		rest -= shares[track]
	}
	for _, track := range slices.Sorted(maps.Keys(weights)) { // what rounding left over
		if rest > 0 && weights[track]*int64(plan.Whole)%sum > 0 {
			shares[track]++
			rest--
		}
	}
	return shares, true
}

func number(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), true
	}
	return 0, false
}

// pick chooses the routes to edit: the named ones, or all that send to the target's Services and nowhere else.
func (c compass) pick(routes []route, s Settings, of string) ([]int, error) {
	var all []int
	if len(s.Routes) > 0 {
		for i, name := range s.Routes {
			at := name.IntValue()
			if name.Type == intstr.String {
				at = slices.IndexFunc(routes, func(r route) bool { return r.name() == name.StrVal })
			}
			if at < 0 || at >= len(routes) {
				return nil, &cluster.Problem{
					Reason: cluster.RouteUnfit, Field: field(fmt.Sprintf("routes[%d]", i)),
					Text: fmt.Sprintf("%s has no %s route %s", of, s.Protocol, name.String()), Remedy: "name one that it has",
				}
			}
			if !slices.Contains(all, at) {
				all = append(all, at)
			}
		}
	} else {
		for i, r := range routes {
			if slices.ContainsFunc(r.destinations(), c.stable) {
				all = append(all, i)
			}
		}
	}
	if len(all) == 0 {
		return nil, c.nowhere(routes, s, of)
	}
	for _, i := range all {
		if err := c.fit(routes[i], at(s.Protocol, i, routes[i]), of); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c compass) stable(d map[string]any) bool {
	track, ok := c.track(d)
	return ok && track == plan.Stable
}

// nowhere says why there is nothing to edit.
func (c compass) nowhere(routes []route, s Settings, of string) error {
	for i, r := range routes {
		if d, ok := r["delegate"].(map[string]any); ok {
			name, _ := d["name"].(string)
			return &cluster.Problem{
				Reason: cluster.RouteUnfit, Field: field("virtualService"),
				Text:   fmt.Sprintf("%s of %s hands its requests over to the VirtualService %s", at(s.Protocol, i, r), of, name),
				Remedy: "name that one: `virtualService: " + name + "`",
			}
		}
	}
	who := "the Service " + c.services[plan.Stable]
	if c.subsets != nil {
		who = fmt.Sprintf("the subset %s of %s", c.subsets[plan.Stable], who)
	}
	return &cluster.Problem{
		Reason: cluster.RouteUnfit, Field: field("routes"), Text: fmt.Sprintf("no %s route of %s sends to %s", s.Protocol, of, who),
		Remedy: "let one, choose another VirtualService, or name its Service with `service`",
	}
}

// fit refuses a route that cannot be split and handed back.
func (c compass) fit(r route, at, of string) error {
	unfit := func(text, remedy string) error {
		return &cluster.Problem{Reason: cluster.RouteUnfit, Field: field("routes"), Text: fmt.Sprintf("%s of %s %s", at, of, text), Remedy: remedy}
	}
	seen := map[plan.TrackName]bool{}
	for i, d := range r.destinations() {
		if to, _ := d["destination"].(map[string]any); to["weight"] != nil {
			return unfit(fmt.Sprintf("has its weight inside of route[%d].destination, where Istio does not know it", i),
				"move `weight` one level up, beside `destination`")
		}
		track, ok := c.track(d)
		if !ok {
			to, _ := d["destination"].(map[string]any)
			return unfit(fmt.Sprintf("sends to %v as well, which is none of the target's", describe(to)), "let it send to the target alone")
		}
		if seen[track] {
			return unfit(fmt.Sprintf("sends to the track %s twice", track), "let it send there once")
		}
		seen[track] = true
	}
	if !seen[plan.Stable] {
		return unfit("does not send to stable", "let it send there, or name its Service with `service`")
	}
	if _, ok := c.shares(r); !ok {
		return unfit("has several destinations and no weights, so Istio refuses it", "give each destination its `weight`")
	}
	return nil
}

func describe(to map[string]any) string {
	host, _ := to["host"].(string)
	if subset, _ := to["subset"].(string); subset != "" {
		return strings.Join([]string{host, "subset", subset}, " ")
	}
	return host
}
