package deployment

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// released returns a stand with checkout adopted at v1 and its template changed to v2.
func released(t *testing.T, more ...client.Object) (s *stand, v1, v2 workload.Description) {
	t.Helper()
	t.Parallel()
	s = newStand(t)
	for _, o := range more {
		o.SetNamespace(s.ns)
	}
	s.create(append(more, deployment(s.ns, "checkout", "v1"))...)
	v1 = s.describe("checkout")
	s.settled("checkout", v1)
	s.version("checkout", "v2")
	return s, v1, s.describe("checkout")
}

// Mingled with stable, a canary stands behind the user's own Service and takes its share by number.
func TestMingled(t *testing.T) {
	s, v1, v2 := released(t, service("", "checkout", map[string]string{"app": "checkout"}), hpa("", "checkout", 2, 6))
	o := order(v1, v2, 1)
	o.Mingled = true
	pools := s.reach("checkout", "the canary is ready", o, ready(canaryPool, v2.Revision, 1))
	all := append(pool(pools, canaryPool).Endpoints, pool(pools, stablePool).Endpoints...)
	if stable := pool(pools, stablePool); len(stable.Endpoints) != 2 || stable.Updated != 2 {
		t.Fatalf("stable counts the canary's pods: %+v", stable)
	}
	s.behind("checkout", all)
	s.noWrites("checkout", o)
	for _, kind := range []client.Object{&corev1.Service{}, &autoscalingv2.HorizontalPodAutoscaler{}} {
		s.gone(kind, "checkout-canary")
	}
}

// Apart, neither a Service that selects by another label nor the one by the Deployment's own reaches the canary.
func TestApart(t *testing.T) {
	s, v1, v2 := released(t, service("", "front", map[string]string{"tier": "front"}), service("", "checkout", map[string]string{"app": "checkout"}))
	pools := s.reach("checkout", "the canary is ready", order(v1, v2, 1), ready(canaryPool, v2.Revision, 1))
	stable := pool(pools, stablePool).Endpoints
	s.behind("checkout", stable)
	s.behind("front", stable)
	s.behind("checkout-canary", pool(pools, canaryPool).Endpoints)
}

// A kept instance that has to go leaves the endpoints at once, and lives until it is kept no more; what stays is chosen
// once.
func TestKept(t *testing.T) {
	s, v1, v2 := released(t)
	first := s.reach("checkout", "one is ready", order(v1, v2, 1), ready(canaryPool, v2.Revision, 1))
	oldest := pool(first, canaryPool).Endpoints[0].Instance
	three := pool(s.reach("checkout", "three are ready", order(v1, v2, 3), ready(canaryPool, v2.Revision, 3)), canaryPool)
	busy := ""
	for _, e := range three.Endpoints {
		if e.Instance != oldest {
			busy = e.Instance
		}
	}
	o := order(v1, v2, 1)
	o.Keep = map[string]bool{busy: true}
	s.reach("checkout", "only what stays and what is kept are left", o, func(pools []plan.Pool) bool {
		c := pool(pools, canaryPool)
		return c.Running == 2 && c.Wanted == 1 && len(c.Endpoints) == 1 && c.Endpoints[0].Instance == oldest
	})
	s.noWrites("checkout", o)
	if err := s.a.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: busy}, &corev1.Pod{}); err != nil {
		t.Fatalf("the kept instance: %v", err)
	}
	s.reach("checkout", "one is left", order(v1, v2, 1), ready(canaryPool, v2.Revision, 1))

	o = order(v1, v2, 0)
	o.Keep = map[string]bool{oldest: true}
	s.reach("checkout", "the last one is offered no more", o, func(pools []plan.Pool) bool {
		c := pool(pools, canaryPool)
		return c.Running == 1 && c.Wanted == 0 && len(c.Endpoints) == 0 && c.Ready == 0
	})
	s.reach("checkout", "it is wanted again", order(v1, v2, 1), ready(canaryPool, v2.Revision, 1))
	s.reach("checkout", "it may go", order(v1, v2, 0), func(pools []plan.Pool) bool { return len(pools) == 1 })
}

// The user's autoscaler has a twin for the canary, which follows it, and which serin only ever raises.
func TestAutoscaled(t *testing.T) {
	s, v1, v2 := released(t, hpa("", "checkout", 2, 6))
	s.reach("checkout", "the canary is ready", order(v1, v2, 1), ready(canaryPool, v2.Revision, 1))
	own := s.hpa("checkout-canary")
	if own.Spec.ScaleTargetRef.Name != "checkout-canary" || *own.Spec.MinReplicas != 1 || own.Spec.MaxReplicas != 3 || len(own.Spec.Metrics) != 1 {
		t.Fatalf("derived %+v", own.Spec)
	}
	s.noWrites("checkout", order(v1, v2, 1))

	user := s.hpa("checkout") // edits are followed
	user.Spec.MaxReplicas = 10
	if err := s.a.Update(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	s.apply("checkout", order(v1, v2, 1))
	if own = s.hpa("checkout-canary"); own.Spec.MaxReplicas != 5 {
		t.Fatalf("max is %d", own.Spec.MaxReplicas)
	}

	canary := s.user("checkout-canary") // as its autoscaler does
	two := int32(2)
	canary.Spec.Replicas = &two
	if err := s.a.Update(t.Context(), canary, client.FieldOwner("kube-controller-manager")); err != nil {
		t.Fatal(err)
	}
	pools := s.reach("checkout", "it has what its autoscaler wants", order(v1, v2, 1), ready(canaryPool, v2.Revision, 2))
	if c := pool(pools, canaryPool); c.Wanted != 1 {
		t.Fatalf("wanted is what was ordered: %+v", c)
	}
	s.noWrites("checkout", order(v1, v2, 1))
	s.reach("checkout", "it is raised", order(v1, v2, 3), ready(canaryPool, v2.Revision, 3))
	if own = s.hpa("checkout-canary"); *own.Spec.MinReplicas != 3 || own.Spec.MaxReplicas != 15 {
		t.Fatalf("derived %d to %d", *own.Spec.MinReplicas, own.Spec.MaxReplicas)
	}
	s.settled("checkout", v1)
	s.gone(&autoscalingv2.HorizontalPodAutoscaler{}, "checkout-canary")
}

func (s *stand) hpa(name string) *autoscalingv2.HorizontalPodAutoscaler {
	s.t.Helper()
	h := &autoscalingv2.HorizontalPodAutoscaler{}
	if err := s.a.Get(s.t.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, h); err != nil {
		s.t.Fatal(err)
	}
	return h
}

// Why a canary does not become ready is said in plain words.
func TestTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*corev1.PodSpec)
		say   []string
	}{
		"an image that is not there": {
			func(p *corev1.PodSpec) { p.Containers[0].Image = "registry.local/podinfo:never" },
			[]string{"cannot pull image registry.local/podinfo:never"},
		},
		"a program that ends": {
			func(p *corev1.PodSpec) { p.Containers[0].Args = []string{"--no-such-flag"} },
			[]string{"container podinfo ended with exit code 2"},
		},
		"a probe that never passes": {
			func(p *corev1.PodSpec) { p.Containers[0].ReadinessProbe.HTTPGet.Path = "/status/500" },
			[]string{"has not passed its readiness probe"},
		},
		"a node that is not there": {
			func(p *corev1.PodSpec) { p.NodeSelector = map[string]string{"disk": "none"} },
			[]string{"cannot be scheduled", "node(s) didn't match"},
		},
		"configuration that is not there": {
			func(p *corev1.PodSpec) {
				p.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "none"}}}}
			},
			[]string{"cannot start", `configmap "none" not found`},
		},
		"a quota": {
			func(p *corev1.PodSpec) {
				p.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")}
			},
			[]string{"pods cannot be made", "exceeded quota"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			if name == "a quota" {
				s.create(&corev1.ResourceQuota{
					ObjectMeta: metav1.ObjectMeta{Name: "small", Namespace: s.ns},
					Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceRequestsMemory: resource.MustParse("1Gi")}},
				})
			}
			d := deployment(s.ns, "checkout", "v1")
			d.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("16Mi")}
			s.create(d)
			v1 := s.describe("checkout")
			s.settled("checkout", v1)
			s.edit("checkout", func(d *appsv1.Deployment) { c.spoil(&d.Spec.Template.Spec) })
			s.reach("checkout", "it says "+c.say[0], order(v1, s.describe("checkout"), 1), func(pools []plan.Pool) bool {
				p := pool(pools, canaryPool)
				for _, words := range c.say {
					if p.Ready != 0 || !strings.Contains(p.Trouble, words) {
						return false
					}
				}
				return true
			})
		})
	}
}

// A Deployment that cannot be released in place is refused with what to do.
func TestUnfit(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for name, spoil := range map[string]func(*appsv1.Deployment){
		"recreate": func(d *appsv1.Deployment) {
			d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
		},
		"paused": func(d *appsv1.Deployment) { d.Spec.Paused = true },
		"vague": func(d *appsv1.Deployment) {
			d.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpExists}}}
		},
	} {
		d := deployment(s.ns, name, "v1")
		spoil(d)
		s.create(d)
		_, err := s.d.Describe(t.Context(), s.target(name))
		p, ok := cluster.AsProblem(err)
		if !ok || p.Reason != cluster.TargetUnfit || p.Remedy == "" || !strings.Contains(p.Text, s.ns+"/"+name) {
			t.Errorf("%s: got %v", name, err)
		}
		if name == "paused" && !strings.Contains(p.Text, "by kubectl") {
			t.Errorf("nobody is named: %s", p.Text)
		}
	}
}

// What another Canary holds is not taken; what is not serin's is not touched.
func TestTaken(t *testing.T) {
	s, v1, v2 := released(t, service("", "checkout", map[string]string{"app": "checkout"}))
	o := order(v1, v2, 1)
	o.Owner = "shop/other"
	err := s.d.Apply(t.Context(), s.target("checkout"), o)
	if p, ok := cluster.AsProblem(err); !ok || p.Reason != cluster.TargetTaken || !strings.Contains(p.Text, "shop/checkout") {
		t.Errorf("got %v", err)
	}
	stranger := service(s.ns, "checkout-canary", map[string]string{"app": "x"})
	s.create(stranger)
	err = s.d.Apply(t.Context(), s.target("checkout"), order(v1, v2, 1))
	if p, ok := cluster.AsProblem(err); !ok || p.Reason != cluster.TargetUnfit || !strings.Contains(p.Text, "checkout-canary") {
		t.Errorf("got %v", err)
	}
	now := &corev1.Service{}
	if err := s.a.Get(t.Context(), client.ObjectKeyFromObject(stranger), now); err != nil || now.ResourceVersion != stranger.ResourceVersion {
		t.Errorf("a stranger was changed: %v", err)
	}
}

// A changed ConfigMap alone is a revision: the canary reads a copy that does not change, stable goes on with what it began
// with, and promotion replaces its pods.
func TestConfig(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings", Namespace: s.ns}, Data: map[string]string{"PODINFO_UI_LOGO": "one"}}
	token := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "token", Namespace: s.ns}, StringData: map[string]string{"token": "one"}}
	shared := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "shared", Namespace: s.ns, Annotations: map[string]string{cluster.ConfigAnnotation: "ignore"}},
		Data:       map[string]string{"x": "one"},
	}
	d := deployment(s.ns, "checkout", "v1")
	c := &d.Spec.Template.Spec.Containers[0]
	for _, name := range []string{"settings", "shared"} {
		c.EnvFrom = append(c.EnvFrom, corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}})
	}
	d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "token", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "token"}}}}
	c.VolumeMounts = []corev1.VolumeMount{{Name: "token", MountPath: "/token"}}
	s.create(settings, token, shared, d)
	v1 := s.describe("checkout")
	adopted := s.settled("checkout", v1)

	shared.Data["x"] = "two"
	if err := s.a.Update(t.Context(), shared); err != nil {
		t.Fatal(err)
	}
	if now := s.describe("checkout"); now.Revision != v1.Revision {
		t.Fatalf("a ConfigMap that wants to be ignored makes revision %s", now.Revision)
	}
	settings.Data["PODINFO_UI_LOGO"] = "two"
	if err := s.a.Update(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	v2 := s.describe("checkout")
	if v2.Revision == v1.Revision {
		t.Fatal("a changed ConfigMap is no revision")
	}
	if strings.Contains(string(v2.Template), "two") {
		t.Fatal("the template holds what the ConfigMap holds")
	}
	if stable := pool(s.observe("checkout"), stablePool); stable.Revision != v1.Revision || !sameInstances(stable, adopted) {
		t.Fatalf("stable is %+v", stable)
	}
	s.reach("checkout", "the canary is ready", order(v1, v2, 1), ready(canaryPool, v2.Revision, 1))
	s.noWrites("checkout", order(v1, v2, 1))
	var template Template
	if err := json.Unmarshal(v2.Template, &template); err != nil || len(template.Config) != 2 {
		t.Fatalf("%v, %+v", err, template.Config)
	}
	copied := map[string]string{}
	for _, source := range template.Config {
		copied[source.Name] = source.Copy(cluster.Key{Kind: Kind, Namespace: s.ns, Name: "checkout"})
	}
	held := &corev1.ConfigMap{}
	if err := s.a.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: copied["settings"]}, held); err != nil || held.Data["PODINFO_UI_LOGO"] != "two" || !*held.Immutable {
		t.Fatalf("%v, %+v", err, held)
	}
	pods := s.user("checkout-canary").Spec.Template.Spec
	if pods.Containers[0].EnvFrom[0].ConfigMapRef.Name != copied["settings"] || pods.Containers[0].EnvFrom[1].ConfigMapRef.Name != "shared" || pods.Volumes[0].Secret.SecretName != copied["token"] {
		t.Fatalf("the canary reads %+v %+v", pods.Containers[0].EnvFrom, pods.Volumes)
	}

	s.reach("checkout", "stable has rolled", order(v2, v2, 1), ready(stablePool, v2.Revision, 2))
	settled := s.settled("checkout", v2)
	if now := s.describe("checkout"); now.Revision != v2.Revision {
		t.Fatalf("promotion itself made revision %s of %s", now.Revision, v2.Revision)
	}
	s.gone(&corev1.ConfigMap{}, copied["settings"])
	s.gone(&corev1.Secret{}, copied["token"])
	s.noWrites("checkout", order(v2, workload.Description{}, 0))

	// The note on the template outlives the end of serin's hold: without it every pod would be replaced.
	if err := s.d.Eject(t.Context(), s.target("checkout"), v2.Revision); err != nil {
		t.Fatal(err)
	}
	s.until("the controller has seen it", func(context.Context) bool {
		u := s.user("checkout")
		return !u.Spec.Paused && u.Status.ObservedGeneration == u.Generation
	})
	if now := pool(s.observe("checkout"), stablePool); !sameInstances(now, settled) || now.Running != 2 {
		t.Fatalf("pods changed: %+v, before %+v", now, settled)
	}
}
