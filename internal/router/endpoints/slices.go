package endpoints

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/plan"
)

// most is how many endpoints a slice holds, as Kubernetes' own do.
const most = 100

// A group is what all endpoints of a slice have in common.
type group struct {
	track  plan.TrackName
	family discoveryv1.AddressType
	ports  string // as JSON
}

// groupOf is the group of a slice that was read.
func groupOf(s discoveryv1.EndpointSlice) group {
	return group{plan.TrackName(s.Labels[cluster.TrackLabel]), s.AddressType, portsAsText(s.Ports)}
}

func portsAsText(ports []discoveryv1.EndpointPort) string {
	if len(ports) == 0 {
		ports = nil
	}
	text, err := json.Marshal(ports)
	if err != nil {
		return "" // numbers and names can be written
	}
	return string(text)
}

// A standing is the endpoints that shall stand behind a Service, by group and pod.
type standing map[group]map[types.UID]discoveryv1.Endpoint

// add lets a pod stand for a track, in each family of addresses of the Service.
func (all standing) add(s *corev1.Service, track plan.TrackName, p *corev1.Pod, now discoveryv1.EndpointConditions) {
	ports := portsAsText(portsOf(s, p))
	for _, family := range s.Spec.IPFamilies {
		address := addressOf(p, family)
		if address == "" {
			continue
		}
		e := discoveryv1.Endpoint{
			Addresses: []string{address}, Conditions: now,
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID},
		}
		if p.Spec.NodeName != "" {
			e.NodeName = &p.Spec.NodeName
		}
		if p.Spec.Hostname != "" && p.Spec.Subdomain == s.Name {
			e.Hostname = &p.Spec.Hostname
		}
		g := group{track, discoveryv1.AddressType(family), ports}
		if all[g] == nil {
			all[g] = map[types.UID]discoveryv1.Endpoint{}
		}
		all[g][p.UID] = e
	}
}

var ready = discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true), Terminating: new(false)}

// leaving is how Kubernetes marks a pod that ends.
func leaving(p *corev1.Pod) discoveryv1.EndpointConditions {
	return discoveryv1.EndpointConditions{Ready: new(false), Serving: new(!pod.ReadySince(p).IsZero()), Terminating: new(true)}
}

// addressOf is the pod's address of a family; empty where it has none.
func addressOf(p *corev1.Pod, family corev1.IPFamily) string {
	for _, ip := range append([]corev1.PodIP{{IP: p.Status.PodIP}}, p.Status.PodIPs...) {
		if a, err := netip.ParseAddr(ip.IP); err == nil && a.Is4() == (family == corev1.IPv4Protocol) {
			return ip.IP
		}
	}
	return ""
}

// portsOf are the Service's ports as the pod has them. One that it does not have is left out, as Kubernetes does.
func portsOf(s *corev1.Service, p *corev1.Pod) []discoveryv1.EndpointPort {
	ports := []discoveryv1.EndpointPort{}
	for _, port := range s.Spec.Ports {
		if number := target(port, p); number != 0 {
			name, protocol := port.Name, port.Protocol
			ports = append(ports, discoveryv1.EndpointPort{Name: &name, Protocol: &protocol, Port: &number, AppProtocol: port.AppProtocol})
		}
	}
	return ports
}

// target is the pod's port behind one of the Service's; 0 where it has none of that name.
func target(port corev1.ServicePort, p *corev1.Pod) int32 {
	if port.TargetPort.Type == intstr.Int {
		if port.TargetPort.IntVal == 0 {
			return port.Port
		}
		return port.TargetPort.IntVal
	}
	for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) { // of the latter, those that stay beside the others
		for _, has := range c.Ports {
			if has.Name == port.TargetPort.StrVal && has.Protocol == port.Protocol {
				return has.ContainerPort
			}
		}
	}
	return 0
}

// A change is one slice, as it is and as it shall be.
type change struct {
	before discoveryv1.EndpointSlice // without a name: there is none yet
	after  []discoveryv1.Endpoint    // none: it goes
}

// changes says what becomes of the slices. An endpoint that stays keeps its slice; new ones go where there is room.
func (all standing) changes(s *service) []change {
	var list []change
	left := map[group][]types.UID{}
	for g, endpoints := range all {
		for uid := range endpoints {
			left[g] = append(left[g], uid)
		}
		slices.Sort(left[g])
	}
	take := func(g group, i int) discoveryv1.Endpoint {
		uid := left[g][i]
		left[g] = slices.Delete(left[g], i, i+1)
		return all[g][uid]
	}
	slices.SortFunc(s.own, func(a, b discoveryv1.EndpointSlice) int { return strings.Compare(a.Name, b.Name) })
	for _, slice := range s.own {
		c, g := change{before: slice}, groupOf(slice)
		for _, e := range slice.Endpoints {
			if i := slices.Index(left[g], uidOf(e)); i >= 0 {
				c.after = append(c.after, take(g, i))
			}
		}
		list = append(list, c)
	}
	for i := range list {
		g := groupOf(list[i].before)
		for len(left[g]) > 0 && len(list[i].after) < most {
			list[i].after = append(list[i].after, take(g, 0))
		}
	}
	for _, g := range sorted(left) {
		for len(left[g]) > 0 {
			c := change{before: s.empty(g)}
			for len(left[g]) > 0 && len(c.after) < most {
				c.after = append(c.after, take(g, 0))
			}
			list = append(list, c)
		}
	}
	return slices.DeleteFunc(list, func(c change) bool { return reflect.DeepEqual(c.before.Endpoints, c.after) })
}

func sorted(left map[group][]types.UID) []group {
	var all []group
	for g := range left {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b group) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

func uidOf(e discoveryv1.Endpoint) types.UID {
	if e.TargetRef == nil {
		return ""
	}
	return e.TargetRef.UID
}

// empty is a slice of a group, before it has a name and endpoints. It goes with the Service.
func (s *service) empty(g group) discoveryv1.EndpointSlice {
	slice := discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace,
			Labels: map[string]string{
				discoveryv1.LabelServiceName: s.Name, discoveryv1.LabelManagedBy: serin, cluster.TrackLabel: string(g.track),
			},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(s.Service, corev1.SchemeGroupVersion.WithKind("Service"))},
		},
		AddressType: g.family,
	}
	if s.Spec.ClusterIP == corev1.ClusterIPNone {
		slice.Labels[corev1.IsHeadlessService] = ""
	}
	if err := json.Unmarshal([]byte(g.ports), &slice.Ports); err != nil {
		slice.Ports = nil // it was written here a moment ago
	}
	return slice
}

// both is what stands before and what shall stand, each once, as it shall be.
func (c change) both() []discoveryv1.Endpoint {
	all := slices.Clone(c.after)
	for _, e := range c.before.Endpoints {
		if !slices.ContainsFunc(c.after, func(other discoveryv1.Endpoint) bool { return uidOf(other) == uidOf(e) }) {
			all = append(all, e)
		}
	}
	return all
}

// adds reports whether an endpoint comes in, or one begins to serve again.
func (c change) adds() bool {
	return slices.ContainsFunc(c.after, func(e discoveryv1.Endpoint) bool {
		return serves(e) && !slices.ContainsFunc(c.before.Endpoints, func(was discoveryv1.Endpoint) bool { return uidOf(was) == uidOf(e) && serves(was) })
	})
}

// removes reports whether an endpoint goes out.
func (c change) removes() bool { return len(c.both()) > len(c.after) }

func serves(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready }

// counts are the pods that stand for each track and are ready, each once.
func (s *service) counts() map[plan.TrackName]int {
	seen := map[plan.TrackName]map[types.UID]bool{}
	count := func(track plan.TrackName, slice discoveryv1.EndpointSlice) {
		for _, e := range slice.Endpoints {
			if serves(e) {
				if seen[track] == nil {
					seen[track] = map[types.UID]bool{}
				}
				seen[track][uidOf(e)] = true
			}
		}
	}
	for _, slice := range s.own {
		count(plan.TrackName(slice.Labels[cluster.TrackLabel]), slice)
	}
	for _, slice := range s.usual {
		count(plan.Stable, slice) // those that the selector means
	}
	counts := map[plan.TrackName]int{}
	for track, pods := range seen {
		counts[track] = len(pods)
	}
	return counts
}
