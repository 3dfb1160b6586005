package endpoints

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"serin.dev/serin/internal/plan"
)

// shop is a Service of both families with one port by name and one by number.
func shop() *service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "shop", UID: "s"}}
	s.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}
	s.Spec.Ports = []corev1.ServicePort{
		{Name: "web", Port: 80, TargetPort: intstr.FromString("http"), Protocol: corev1.ProtocolTCP},
		{Name: "admin", Port: 81, TargetPort: intstr.FromInt32(8081), Protocol: corev1.ProtocolTCP},
	}
	return &service{Service: s}
}

func podNo(n int, port int32) *corev1.Pod {
	name := fmt.Sprintf("pod-%04d", n)
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)}}
	p.Spec.NodeName = "node"
	p.Spec.Containers = []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: port, Protocol: corev1.ProtocolTCP}}}}
	v4, v6 := fmt.Sprintf("10.0.%d.%d", n/256, n%256), fmt.Sprintf("fd00::%x", n)
	p.Status.PodIP, p.Status.PodIPs = v4, []corev1.PodIP{{IP: v4}, {IP: v6}}
	return p
}

func stand(s *service, track plan.TrackName, from, to int) standing {
	all := standing{}
	for n := from; n < to; n++ {
		all.add(s.Service, track, podNo(n, 8080), ready)
	}
	return all
}

// carried is a Service after changes.
func carried(s *service, changes []change) *service {
	for i, c := range changes {
		slice := c.before
		if slice.Name == "" {
			slice.Name = fmt.Sprintf("new-%d-%d", len(s.own), i)
			s.own = append(s.own, slice)
		}
		for j := range s.own {
			if s.own[j].Name == slice.Name {
				s.own[j].Endpoints = c.after
			}
		}
	}
	return s
}

func TestSlicesHoldOneFamilyAndAHundredEach(t *testing.T) {
	s := shop()
	changes := stand(s, plan.Stable, 0, 250).changes(s)
	sizes := map[discoveryv1.AddressType][]int{}
	for _, c := range changes {
		sizes[c.before.AddressType] = append(sizes[c.before.AddressType], len(c.after))
	}
	if fmt.Sprint(sizes) != "map[IPv4:[100 100 50] IPv6:[100 100 50]]" {
		t.Fatalf("slices are %v", sizes)
	}
	first := changes[0]
	if p := first.before.Ports; len(p) != 2 || *p[0].Name != "web" || *p[0].Port != 8080 || *p[1].Port != 8081 {
		t.Errorf("ports are %v", portsAsText(p))
	}
	if e := first.after[0]; e.Addresses[0] != "10.0.0.0" || *e.NodeName != "node" || e.TargetRef.Name != "pod-0000" || !*e.Conditions.Ready {
		t.Errorf("the first endpoint is %+v", e)
	}
	s = carried(s, changes)
	if again := stand(s, plan.Stable, 0, 250).changes(s); len(again) != 0 {
		t.Errorf("the same again changes %d slices", len(again))
	}
	if c := s.counts(); c[plan.Stable] != 250 {
		t.Errorf("counted %v", c)
	}
	// Ten of the first slice go: new ones fill it up, the rest stays where it is.
	next := stand(s, plan.Stable, 10, 255).changes(s)
	if len(next) != 2 { // one in each family
		t.Fatalf("%d slices change", len(next))
	}
	for _, c := range next {
		if len(c.after) != 95 || len(c.both()) != 105 || !c.adds() || !c.removes() {
			t.Errorf("%d endpoints, %d on the way", len(c.after), len(c.both()))
		}
	}
}

func TestPortsByNameAreThoseOfEachPod(t *testing.T) {
	s := shop()
	all := standing{}
	all.add(s.Service, plan.Stable, podNo(1, 8080), ready)
	all.add(s.Service, plan.Canary, podNo(2, 9090), ready)
	all.add(s.Service, plan.Canary, podNo(3, 9091), ready)
	bare := podNo(4, 1)
	bare.Spec.Containers = nil
	all.add(s.Service, plan.Canary, bare, ready)
	got := map[string]int{}
	for g := range all {
		if g.family == discoveryv1.AddressTypeIPv4 {
			got[string(g.track)+g.ports] = len(all[g])
		}
	}
	if len(got) != 4 || len(all) != 8 {
		t.Errorf("groups are %v", got)
	}
	if ports := portsOf(s.Service, bare); len(ports) != 1 || *ports[0].Name != "admin" {
		t.Errorf("a pod without the port by name has %v", portsAsText(ports))
	}
	single := podNo(5, 8080)
	single.Status.PodIPs = single.Status.PodIPs[:1]
	one := standing{}
	if one.add(s.Service, plan.Stable, single, ready); len(one) != 1 {
		t.Errorf("a pod of one family stands in %d groups", len(one))
	}
}

func TestAPodThatEndsStandsAsOneThatEnds(t *testing.T) {
	s := shop()
	s = carried(s, stand(s, plan.Stable, 0, 2).changes(s))
	p := podNo(1, 8080)
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
	all := stand(s, plan.Stable, 0, 1)
	all.add(s.Service, plan.Stable, p, leaving(p))
	s = carried(s, all.changes(s))
	e := s.own[0].Endpoints[1]
	if *e.Conditions.Ready || !*e.Conditions.Serving || !*e.Conditions.Terminating || s.counts()[plan.Stable] != 1 {
		t.Errorf("it stands as %+v, counted %v", e.Conditions, s.counts())
	}
	s = carried(s, stand(s, plan.Stable, 0, 1).changes(s))
	if len(s.own[0].Endpoints) != 1 {
		t.Error("it is gone, and still stands")
	}
}

func TestSlicesOfSerinGoWhenKubernetesHasEverybody(t *testing.T) {
	s := shop()
	s = carried(s, stand(s, plan.Stable, 0, 3).changes(s))
	if n := s.missing(); n != 6 {
		t.Errorf("Kubernetes has nobody, and %d are missing", n)
	}
	for _, slice := range s.own {
		theirs := *slice.DeepCopy()
		theirs.Labels = nil
		if theirs.AddressType == discoveryv1.AddressTypeIPv6 {
			theirs.Endpoints[2].Conditions.Ready = new(false)
		}
		s.usual = append(s.usual, theirs)
	}
	if n := s.missing(); n != 1 {
		t.Errorf("one is not ready there, and %d are missing", n)
	}
	s.usual[0].Endpoints[2].Conditions.Ready, s.usual[1].Endpoints[2].Conditions.Ready = nil, nil
	if n := s.missing(); n != 0 {
		t.Errorf("all are there, and %d are missing", n)
	}
	s = shop()
	s = carried(s, stand(s, plan.Canary, 0, 1).changes(s))
	if n := s.missing(); n == 0 {
		t.Error("the canary alone serves, and would go before anybody else does")
	}
}
