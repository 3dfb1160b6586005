package deployment

import (
	"cmp"
	"context"
	"os"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// patience bounds every wait on the cluster: pods take seconds, and the machine may be busy.
const patience = 2 * time.Minute

// image is a real application with a port, /healthz and /readyz.
func image() string { return cmp.Or(os.Getenv("SERIN_PODINFO_IMAGE"), "registry.local/podinfo:v1") }

func kinds(t testing.TB) *runtime.Scheme {
	s := runtime.NewScheme()
	if err := scheme.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// A stand is a namespace of a real cluster with the workload, and short words for what happens there.
type stand struct {
	t  *testing.T
	a  *cluster.Access
	ns string
	d  *Deployments

	lags bool // d reads from caches
}

func newStand(t *testing.T) *stand {
	a, ns := clustertest.New(t, kinds(t))
	return &stand{t: t, a: a, ns: ns, d: New(workload.Env{Cluster: a, Log: a.Log})}
}

// cache lets the workload read as it does in the controller: from caches, without managed fields.
func (s *stand) cache() {
	s.t.Helper()
	rest := clustertest.Config(s.t)
	reads, err := cache.New(rest, cache.Options{
		Scheme: kinds(s.t), DefaultNamespaces: map[string]cache.Config{s.ns: {}}, DefaultTransform: cache.TransformStripManagedFields(),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(s.t.Context())
	go func() { ended <- reads.Start(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("cache: %v", err)
		}
	})
	c, err := client.New(rest, client.Options{Scheme: kinds(s.t), Cache: &client.CacheOptions{Reader: reads}})
	if err != nil {
		s.t.Fatal(err)
	}
	a := *s.a
	a.Client, s.lags = c, true
	s.d = New(workload.Env{Cluster: &a, Log: a.Log})
}

// noticed waits until the workload has seen the last edit of the user's.
func (s *stand) noticed(name string) {
	s.t.Helper()
	s.until("the edit is seen", func(ctx context.Context) bool {
		d := &appsv1.Deployment{}
		err := s.d.a.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: name}, d)
		return err == nil && d.Generation >= s.user(name).Generation
	})
}

func (s *stand) target(name string) string { return key(s.ns, name) }

// deployment is a user's: two replicas of a real application that is ready soon. version makes its template another one.
func deployment(ns, name, version string) *appsv1.Deployment {
	replicas, second := int32(2), int64(1)
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name, "tier": "front"}},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: &second,
					Containers: []corev1.Container{{
						Name: "podinfo", Image: image(), Args: []string{"--port=9898"},
						Env:   []corev1.EnvVar{{Name: "PODINFO_UI_MESSAGE", Value: version}},
						Ports: []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9797}, {Name: "http", ContainerPort: 9898}},
						ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
							HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromString("http")},
						}},
					}},
				},
			},
		},
	}
}

func service(ns, name string, selector map[string]string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns},
		Spec: corev1.ServiceSpec{
			Selector: selector,
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}},
		},
	}
}

func (s *stand) create(objects ...client.Object) {
	s.t.Helper()
	for _, o := range objects {
		if err := s.a.Create(s.t.Context(), o, client.FieldOwner("kubectl")); err != nil {
			s.t.Fatalf("create %s: %v", o.GetName(), err)
		}
	}
}

// user reads the user's Deployment.
func (s *stand) user(name string) *appsv1.Deployment {
	s.t.Helper()
	d := &appsv1.Deployment{}
	if err := s.a.Get(s.t.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, d); err != nil {
		s.t.Fatal(err)
	}
	return d
}

// edit changes the user's Deployment as its user does.
func (s *stand) edit(name string, change func(*appsv1.Deployment)) {
	s.t.Helper()
	s.until("the edit is stored", func(ctx context.Context) bool {
		d := s.user(name)
		change(d)
		err := s.a.Update(ctx, d, client.FieldOwner("kubectl"))
		if err != nil && !apierrors.IsConflict(err) {
			s.t.Fatal(err)
		}
		return err == nil
	})
}

// version changes the template to another one.
func (s *stand) version(name, version string) {
	s.t.Helper()
	s.edit(name, func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Env[0].Value = version })
}

func (s *stand) describe(name string) workload.Description {
	s.t.Helper()
	s.noticed(name)
	got, err := s.d.Describe(s.t.Context(), s.target(name))
	if err != nil {
		s.t.Fatalf("describe: %v", err)
	}
	return got
}

func (s *stand) observe(name string) []plan.Pool {
	s.t.Helper()
	pools, err := s.d.Observe(s.t.Context(), s.target(name))
	if err != nil {
		s.t.Fatalf("observe: %v", err)
	}
	return pools
}

func pool(pools []plan.Pool, name plan.PoolName) plan.Pool {
	if i := slices.IndexFunc(pools, func(p plan.Pool) bool { return p.Name == name }); i >= 0 {
		return pools[i]
	}
	return plan.Pool{}
}

func order(stable, canary workload.Description, n int) workload.Order {
	o := workload.Order{Owner: "shop/checkout"}
	o.Pools = append(o.Pools, workload.PoolOrder{Pool: stablePool, Revision: stable.Revision, Template: stable.Template, Replicas: stable.Replicas})
	if canary.Revision != "" {
		o.Pools = append(o.Pools, workload.PoolOrder{Pool: canaryPool, Revision: canary.Revision, Template: canary.Template, Replicas: n})
	}
	return o
}

func (s *stand) apply(name string, o workload.Order) {
	s.t.Helper()
	if err := s.d.Apply(s.t.Context(), s.target(name), o); err != nil {
		s.t.Fatalf("apply: %v", err)
	}
}

// reach orders again and again, as the loop does, until what is seen satisfies.
func (s *stand) reach(name, what string, o workload.Order, good func([]plan.Pool) bool) []plan.Pool {
	s.t.Helper()
	var pools []plan.Pool
	s.until(what, func(ctx context.Context) bool {
		if err := s.d.Apply(ctx, s.target(name), o); err != nil && !apierrors.IsConflict(err) {
			s.t.Fatalf("apply: %v", err)
		}
		pools = s.observe(name)
		return good(pools)
	})
	return pools
}

func (s *stand) until(what string, good func(context.Context) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	look := time.NewTicker(clustertest.Glance)
	defer look.Stop()
	for !good(ctx) {
		select {
		case <-look.C:
		case <-ctx.Done():
			var pools []plan.Pool
			list := &appsv1.DeploymentList{}
			_ = s.a.List(s.t.Context(), list, client.InNamespace(s.ns))
			for _, d := range list.Items {
				if d.Labels[cluster.TargetLabel] == "" {
					pools = append(pools, s.observe(d.Name)...)
				}
			}
			s.t.Fatalf("waiting until %s: still %+v", what, pools)
		}
	}
}

// settled waits until stable alone runs a revision, all of it, and is held.
func (s *stand) settled(name string, rev workload.Description) plan.Pool {
	s.t.Helper()
	pools := s.reach(name, "stable runs "+string(rev.Revision), order(rev, workload.Description{}, 0), func(pools []plan.Pool) bool {
		p := pool(pools, stablePool)
		return len(pools) == 1 && p.Revision == rev.Revision && p.Updated == rev.Replicas && p.Running == rev.Replicas && s.user(name).Spec.Paused
	})
	return pools[0]
}

func ready(name plan.PoolName, rev plan.Revision, n int) func([]plan.Pool) bool {
	return func(pools []plan.Pool) bool {
		p := pool(pools, name)
		return p.Revision == rev && p.Updated >= n && p.Running == n
	}
}

// watchNever fails the test if a pod with the label is ever seen that breaks the rule.
func (s *stand) watchNever(what string, bad func(*corev1.Pod) bool) (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan string, 1)
	go func() {
		look := time.NewTicker(50 * time.Millisecond)
		defer look.Stop()
		for {
			list := &corev1.PodList{}
			if err := s.a.List(ctx, list, client.InNamespace(s.ns)); err == nil {
				for i := range list.Items {
					if bad(&list.Items[i]) {
						done <- list.Items[i].Name
						return
					}
				}
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				done <- ""
				return
			}
		}
	}()
	return func() {
		s.t.Helper()
		cancel()
		if name := <-done; name != "" {
			s.t.Errorf("pod %s: %s", name, what)
		}
	}
}

func unpause(d *appsv1.Deployment) { d.Spec.Paused = false }

func message(p *corev1.Pod) string {
	for _, e := range p.Spec.Containers[0].Env {
		if e.Name == "PODINFO_UI_MESSAGE" {
			return e.Value
		}
	}
	return ""
}

func hpa(ns, name string, lo, hi int32) *autoscalingv2.HorizontalPodAutoscaler {
	use := int32(80)
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name},
			MinReplicas:    &lo, MaxReplicas: hi,
			Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name:   corev1.ResourceCPU,
					Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &use},
				},
			}},
		},
	}
}

// endpointsOf names the ready pods that a Service reaches.
func (s *stand) endpointsOf(ctx context.Context, service string) map[string]bool {
	list := &discoveryv1.EndpointSliceList{}
	if err := s.a.List(ctx, list, client.InNamespace(s.ns), client.MatchingLabels{discoveryv1.LabelServiceName: service}); err != nil {
		s.t.Fatal(err)
	}
	names := map[string]bool{}
	for _, slice := range list.Items {
		for _, e := range slice.Endpoints {
			if e.TargetRef != nil && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				names[e.TargetRef.Name] = true
			}
		}
	}
	return names
}
