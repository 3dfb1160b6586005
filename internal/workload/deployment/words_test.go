package deployment

import (
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/pod"
	"serin.dev/serin/internal/workload"
)

func TestLabelsApart(t *testing.T) {
	pods := map[string]string{"app": "checkout", "tier": "front", "team": "shop"}
	byApp := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "checkout"}}
	svc := func(selector map[string]string) corev1.Service { return *service("shop", "s", selector) }
	own := svc(map[string]string{"team": "shop"})
	own.Labels = map[string]string{cluster.TargetLabel: "deployment.cart"}
	for reason, c := range map[string]struct {
		selector *metav1.LabelSelector
		services []corev1.Service
		want     map[string]string
	}{
		"the selector's label alone": {byApp, nil, map[string]string{"app": "checkout-canary", "tier": "front", "team": "shop"}},
		"a Service that the new value escapes already": {
			byApp, []corev1.Service{svc(map[string]string{"app": "checkout", "tier": "front"})},
			map[string]string{"app": "checkout-canary", "tier": "front", "team": "shop"},
		},
		"a Service by another label": {
			byApp, []corev1.Service{svc(map[string]string{"tier": "front"})},
			map[string]string{"app": "checkout-canary", "tier": "front-canary", "team": "shop"},
		},
		"serin's own Services, and those without a selector": {
			byApp, []corev1.Service{own, svc(nil)},
			map[string]string{"app": "checkout-canary", "tier": "front", "team": "shop"},
		},
		"an expression": {
			&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: metav1.LabelSelectorOpIn, Values: []string{"shop", "bank"}}}}, nil,
			map[string]string{"app": "checkout", "tier": "front", "team": "shop-canary"},
		},
	} {
		if got := changed(pods, c.selector, c.services); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", reason, got, c.want)
		}
	}
}

func TestSelectorsFollow(t *testing.T) {
	selector := func() *metav1.LabelSelector {
		return &metav1.LabelSelector{
			MatchLabels:      map[string]string{"app": "checkout", "tier": "front"},
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"checkout", "cart"}}},
		}
	}
	cache := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cache"}}
	term := corev1.PodAffinityTerm{LabelSelector: selector(), TopologyKey: "zone"}
	spec := corev1.PodSpec{
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{LabelSelector: selector()}, {}},
		Affinity: &corev1.Affinity{
			PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{LabelSelector: cache}}},
			PodAntiAffinity: &corev1.PodAntiAffinity{
				PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{PodAffinityTerm: term}},
			},
		},
	}
	follow(&spec, map[string]string{"app": "checkout", "tier": "front"}, map[string]string{"app": "checkout-canary", "tier": "front"})
	want := &metav1.LabelSelector{
		MatchLabels:      map[string]string{"app": "checkout-canary", "tier": "front"},
		MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"checkout-canary", "cart"}}},
	}
	if got := spec.TopologySpreadConstraints[0].LabelSelector; !reflect.DeepEqual(got, want) {
		t.Errorf("spread: got %v", got)
	}
	if got := spec.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution[0].PodAffinityTerm.LabelSelector; !reflect.DeepEqual(got, want) {
		t.Errorf("anti-affinity: got %v", got)
	}
	if cache.MatchLabels["app"] != "cache" {
		t.Errorf("a selector of other pods was changed: %v", cache)
	}
}

func TestServiceOf(t *testing.T) {
	d := deployment("shop", "checkout", "v1")
	app := map[string]string{"app": "checkout"}
	for reason, c := range map[string]struct {
		names []string
		want  string
	}{
		"the only one": {[]string{"web"}, "web"},
		"among several, the one of the Deployment's name": {[]string{"a", "checkout", "b"}, "checkout"},
		"no telling": {[]string{"a", "b"}, ""},
		"none":       {nil, ""},
	} {
		services := []corev1.Service{*service("shop", "other", map[string]string{"app": "other"})}
		for _, name := range c.names {
			services = append(services, *service("shop", name, app))
		}
		got := ""
		if s := serviceOf(d, services); s != nil {
			got = s.Name
		}
		if got != c.want {
			t.Errorf("%s: got %q", reason, got)
		}
	}
}

func testTarget(replicas int32) *target {
	d := deployment("shop", "checkout", "v1")
	d.UID, d.Spec.Replicas = "u", &replicas
	return &target{key: cluster.Key{Kind: Kind, Namespace: "shop", Name: "checkout"}, user: d}
}

// The twin promises what the user's Service does inside of the cluster, and nothing to the outside.
func TestTwin(t *testing.T) {
	user := service("shop", "checkout", map[string]string{"app": "checkout"})
	user.Spec.Type, user.Spec.Ports[0].NodePort, user.Spec.SessionAffinity = corev1.ServiceTypeNodePort, 30080, corev1.ServiceAffinityClientIP
	http := "kubernetes.io/h2c"
	user.Spec.Ports[0].AppProtocol = &http
	user.Annotations = map[string]string{
		"external-dns.alpha.kubernetes.io/hostname": "shop.example", "argocd.argoproj.io/tracking-id": "shop",
		"traefik.ingress.kubernetes.io/service.serversscheme": "h2c",
	}
	twin := testTarget(4).twin(user, "v2")
	if p := twin.Spec.Ports[0]; p.NodePort != 0 || *p.AppProtocol != http || p.Port != 80 || p.TargetPort.StrVal != "http" {
		t.Errorf("port %+v", p)
	}
	if twin.Spec.Type != corev1.ServiceTypeClusterIP || twin.Spec.SessionAffinity != corev1.ServiceAffinityClientIP || twin.Spec.ClusterIP != "" {
		t.Errorf("spec %+v", twin.Spec)
	}
	if len(twin.Annotations) != 1 || twin.Annotations["traefik.ingress.kubernetes.io/service.serversscheme"] != "h2c" {
		t.Errorf("annotations %v", twin.Annotations)
	}
	user.Spec.ClusterIP = corev1.ClusterIPNone
	if twin = testTarget(4).twin(user, "v2"); twin.Spec.ClusterIP != corev1.ClusterIPNone {
		t.Error("the twin of a headless Service is not headless")
	}
}

func TestDerivedHPA(t *testing.T) {
	for reason, c := range map[string]struct {
		size, ordered int
		max, want     int32
	}{
		"a tenth of stable may grow to a tenth of the bound": {10, 1, 20, 2},
		"rounded up":                       {4, 1, 10, 3},
		"never below what is ordered":      {4, 4, 2, 4},
		"a stable without replicas counts": {0, 1, 6, 6},
	} {
		of := hpa("shop", "checkout", 1, c.max)
		got := testTarget(int32(c.size)).deriveHPA(of, workload.PoolOrder{Revision: "v2", Replicas: c.ordered})
		if got.Spec.MaxReplicas != c.want || int(*got.Spec.MinReplicas) != c.ordered {
			t.Errorf("%s: got %d to %d, want to %d", reason, *got.Spec.MinReplicas, got.Spec.MaxReplicas, c.want)
		}
		if got.Spec.ScaleTargetRef.Name != "checkout-canary" || !reflect.DeepEqual(got.Spec.Metrics, of.Spec.Metrics) || of.Spec.ScaleTargetRef.Name != "checkout" {
			t.Errorf("%s: got %+v", reason, got.Spec)
		}
	}
	if h := (autoscalingv2.HorizontalPodAutoscaler{}); scales(h.Spec.ScaleTargetRef.Kind, h.Spec.ScaleTargetRef.Name, cluster.Key{Kind: Kind, Name: "checkout"}) {
		t.Error("an autoscaler of nothing scales checkout")
	}
}

// A pause of KEDA at no replicas is not copied: a canary at zero would look healthy.
func TestDerivedScaledObject(t *testing.T) {
	of := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
		"metadata": map[string]any{"name": "checkout", "annotations": map[string]any{"autoscaling.keda.sh/paused-replicas": "0"}},
		"spec": map[string]any{
			"scaleTargetRef": map[string]any{"name": "checkout"}, "minReplicaCount": int64(0), "idleReplicaCount": int64(0), "maxReplicaCount": int64(20),
			"advanced": map[string]any{"horizontalPodAutoscalerConfig": map[string]any{"name": "mine", "behavior": map[string]any{}}},
			"triggers": []any{map[string]any{"type": "cpu"}},
		},
	}}
	got := testTarget(4).deriveScaledObject(of, workload.PoolOrder{Revision: "v2", Replicas: 2})
	want := map[string]any{
		"scaleTargetRef": map[string]any{"name": "checkout-canary"}, "minReplicaCount": int64(2), "maxReplicaCount": int64(10),
		"advanced": map[string]any{"horizontalPodAutoscalerConfig": map[string]any{"behavior": map[string]any{}}},
		"triggers": []any{map[string]any{"type": "cpu"}},
	}
	if !reflect.DeepEqual(got.Object["spec"], want) || len(got.GetAnnotations()) != 0 || got.GetName() != "checkout-canary" {
		t.Errorf("got %v", got.Object)
	}
}

// The pods of a Deployment that was rolled past serin are taken back as far as its own strategy allows.
func TestSteps(t *testing.T) {
	sets := func(want, other int) []set {
		return []set{{name: "want", uid: "w", replicas: want, template: pod.Template{Digest: "w"}}, {name: "other", uid: "o", replicas: other, template: pod.Template{Digest: "o"}}}
	}
	pods := func(of types.UID, n int) []*corev1.Pod {
		var all []*corev1.Pod
		for i := range n {
			controls := true
			all = append(all, &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: string(of) + string(rune('a'+i)), OwnerReferences: []metav1.OwnerReference{{UID: of, Controller: &controls}}},
				Status:     corev1.PodStatus{PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
			})
		}
		return all
	}
	for reason, c := range map[string]struct {
		want, other           int // replicas asked for
		readyWant, readyOther int
		busy                  bool // the others get requests
		name                  string
		size                  int // what is asked of it now; -1: nothing
	}{
		"nobody asks the others":                     {1, 3, 0, 3, false, "other", 0},
		"enough of the ordered are ready":            {3, 2, 3, 2, true, "other", 0},
		"the others are not ready":                   {3, 2, 3, 0, true, "other", 0},
		"the ordered has nothing yet":                {0, 4, 0, 4, true, "want", 1},
		"the others carry requests, and are more":    {2, 3, 2, 3, true, "want", 4},
		"the others carry requests, and are fewer":   {4, 3, 2, 3, true, "other", 1},
		"no pod can be spared before more are ready": {2, 3, 0, 3, true, "", -1},
	} {
		tt := testTarget(4) // its strategy lacks one of four at most
		tt.sets = sets(c.want, c.other)
		keep := map[string]bool{"oa": c.busy}
		quarter := intstr.FromString("25%")
		tt.user.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: &quarter}
		got := steps(tt, tt.sets[0], append(pods("w", c.readyWant), pods("o", c.readyOther)...), keep)
		switch {
		case c.size < 0 && len(got) != 0:
			t.Errorf("%s: got %+v", reason, got)
		case c.size >= 0 && (len(got) != 1 || got[0].name != c.name || got[0].replicas != c.size):
			t.Errorf("%s: got %+v, want %s at %d", reason, got, c.name, c.size)
		}
	}
}
