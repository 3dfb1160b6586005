package deployment

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// The whole life of a Deployment that is released in place: adopted, a canary beside it, promoted, and let go; whether
// reads are of the moment, or from caches that lag behind what was written.
func TestRelease(t *testing.T) {
	t.Parallel()
	for name, lags := range map[string]bool{"live": false, "cached": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			if lags {
				s.cache()
			}
			release(t, s)
		})
	}
}

func release(t *testing.T, s *stand) {
	s.create(deployment(s.ns, "checkout", "v1"), service(s.ns, "checkout", map[string]string{"app": "checkout"}))
	v1 := s.describe("checkout")
	before := s.settled("checkout", v1)
	if before.Service != "checkout" || len(before.Endpoints) != 2 || before.Trouble != "" {
		t.Fatalf("stable is %+v", before)
	}
	s.noWrites("checkout", order(v1, workload.Description{}, 0))
	answers(t, before.Endpoints)

	s.version("checkout", "v2")
	v2 := s.describe("checkout")
	_, tag, _ := strings.Cut(path.Base(image()), ":")
	if v2.Revision == v1.Revision || len(v2.Revision) > 40 || !strings.HasPrefix(string(v2.Revision), tag+"-") {
		t.Fatalf("revisions %s and %s", v1.Revision, v2.Revision)
	}
	pools := s.reach("checkout", "the canary is ready", order(v1, v2, 1), ready(canaryPool, v2.Revision, 1))
	if stable := pool(pools, stablePool); !sameInstances(stable, before) || stable.Revision != v1.Revision {
		t.Fatalf("stable was touched: %+v, before %+v", stable, before)
	}
	if c := pool(pools, canaryPool); c.Service != "checkout-canary" || c.Wanted != 1 || pools[0].Name != canaryPool {
		t.Fatalf("canary is %+v", c)
	}
	s.noWrites("checkout", order(v1, v2, 1))
	s.behind("checkout", before.Endpoints)
	s.behind("checkout-canary", pool(pools, canaryPool).Endpoints)

	pools = s.reach("checkout", "the canary has grown", order(v1, v2, 2), ready(canaryPool, v2.Revision, 2))
	canary := pool(pools, canaryPool)

	// Promotion: the user's own Deployment rolls while the canary stays as it is, and is held again.
	promoted := order(v2, v2, 2)
	s.reach("checkout", "stable has rolled", promoted, func(pools []plan.Pool) bool {
		if c := pool(pools, canaryPool); c.Ready != 2 {
			t.Fatalf("the canary lost pods: %+v", c)
		}
		return ready(stablePool, v2.Revision, 2)(pools) && s.user("checkout").Spec.Paused
	})
	if c := pool(s.observe("checkout"), canaryPool); !sameInstances(c, canary) {
		t.Fatalf("the canary changed: %+v, before %+v", c, canary)
	}
	s.noWrites("checkout", promoted)
	s.settled("checkout", v2)
	s.gone(&appsv1.Deployment{}, "checkout-canary")
	s.gone(&corev1.Service{}, "checkout-canary")

	after := pool(s.observe("checkout"), stablePool)
	for range 2 { // letting go twice is no error
		if err := s.d.Eject(t.Context(), s.target("checkout"), v2.Revision); err != nil {
			t.Fatal(err)
		}
	}
	user := s.user("checkout")
	if _, held := user.Annotations[cluster.HeldAnnotation]; held || user.Spec.Paused {
		t.Fatalf("still held: %+v paused %t", user.Annotations, user.Spec.Paused)
	}
	for _, m := range user.ManagedFields {
		if m.Manager == cluster.Manager {
			t.Errorf("serin still owns fields: %s", m.FieldsV1)
		}
	}
	s.until("the controller has seen it", func(context.Context) bool {
		u := s.user("checkout")
		return u.Status.ObservedGeneration == u.Generation
	})
	if now := pool(s.observe("checkout"), stablePool); !sameInstances(now, after) {
		t.Fatalf("pods changed: %+v, before %+v", now, after)
	}
}

// A rejected revision never runs as stable: not when the Deployment is scaled, and not when its pods die.
func TestRejected(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.create(deployment(s.ns, "checkout", "v1"))
	v1 := s.describe("checkout")
	s.settled("checkout", v1)
	s.version("checkout", "v2")
	v2 := s.describe("checkout")
	s.reach("checkout", "the canary is ready", order(v1, v2, 1), ready(canaryPool, v2.Revision, 1))
	s.settled("checkout", v1) // sent back

	stop := s.watchNever("a pod of the rejected revision", func(p *corev1.Pod) bool { return message(p) == "v2" && p.DeletionTimestamp == nil })
	for _, n := range []int32{4, 1, 3, 0, 2} {
		s.edit("checkout", func(d *appsv1.Deployment) { d.Spec.Replicas = &n })
		s.until("it is scaled", func(context.Context) bool {
			p := pool(s.observe("checkout"), stablePool)
			return p.Revision == v1.Revision && p.Wanted == int(n) && p.Updated == int(n) && p.Running == int(n)
		})
		now := s.describe("checkout")
		if now.Revision != v2.Revision || now.Replicas != max(1, int(n)) {
			t.Fatalf("described as %s with %d replicas", now.Revision, now.Replicas)
		}
		s.noWrites("checkout", order(v1, workload.Description{}, 0))
	}
	if err := s.a.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(s.ns)); err != nil {
		t.Fatal(err)
	}
	s.reach("checkout", "the pods are back", order(v1, workload.Description{}, 0), ready(stablePool, v1.Revision, 2))

	// Letting go now would roll the rejected template out: refused, with a way out.
	err := s.d.Eject(t.Context(), s.target("checkout"), v1.Revision)
	if p, ok := cluster.AsProblem(err); !ok || p.Reason != NotSettled || !strings.Contains(p.Remedy, "Git") {
		t.Fatalf("got %v", err)
	}
	stop()
	s.version("checkout", "v1") // reverted in Git
	if now := s.describe("checkout"); now.Revision != v1.Revision {
		t.Fatalf("described as %s", now.Revision)
	}
	kept := pool(s.observe("checkout"), stablePool)
	if err := s.d.Eject(t.Context(), s.target("checkout"), v1.Revision); err != nil {
		t.Fatal(err)
	}
	if now := pool(s.observe("checkout"), stablePool); !sameInstances(now, kept) {
		t.Fatalf("pods changed: %+v, before %+v", now, kept)
	}
}

// noWrites orders what is there already, and wants no object changed by it, once caches are up to date.
func (s *stand) noWrites(name string, o workload.Order) {
	s.t.Helper()
	a := *s.d.a
	quiet := New(workload.Env{Cluster: &a, Log: a.Log})
	again := 0
	s.until("the same order writes nothing", func(ctx context.Context) bool {
		counted := &counting{Client: s.d.a.Client}
		a.Client = counted
		if err := quiet.Apply(ctx, s.target(name), o); err != nil {
			s.t.Fatal(err)
		}
		if counted.writes != nil && !s.lags {
			s.t.Fatalf("the same order once more wrote %v", counted.writes)
		}
		again++
		return counted.writes == nil
	})
	if again > 50 {
		s.t.Errorf("caches were up to date only after %d orders", again)
	}
}

// counting notes what is written.
type counting struct {
	client.Client
	writes []string
}

func (c *counting) Patch(ctx context.Context, o client.Object, p client.Patch, opts ...client.PatchOption) error {
	c.writes = append(c.writes, "patch "+o.GetName())
	return c.Client.Patch(ctx, o, p, opts...)
}

func (c *counting) Apply(ctx context.Context, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	c.writes = append(c.writes, "apply")
	return c.Client.Apply(ctx, o, opts...)
}

func (c *counting) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	c.writes = append(c.writes, "create "+o.GetName())
	return c.Client.Create(ctx, o, opts...)
}

func (c *counting) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	c.writes = append(c.writes, "delete "+o.GetName())
	return c.Client.Delete(ctx, o, opts...)
}

func sameInstances(a, b plan.Pool) bool {
	names := map[string]bool{}
	for _, e := range a.Endpoints {
		names[e.Instance] = true
	}
	for _, e := range b.Endpoints {
		if !names[e.Instance] {
			return false
		}
	}
	return len(a.Endpoints) == len(b.Endpoints)
}

// answers asks every endpoint over the network of the cluster.
func answers(t *testing.T, endpoints []plan.Endpoint) {
	t.Helper()
	c := &http.Client{Timeout: 5 * time.Second}
	for _, e := range endpoints {
		resp, err := c.Get(e.URL + "/healthz")
		if err != nil {
			t.Errorf("%s: %v", e.Instance, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", e.Instance, resp.Status)
		}
	}
}

// behind waits until a Service reaches exactly these instances.
func (s *stand) behind(service string, want []plan.Endpoint) {
	s.t.Helper()
	s.until("Service "+service+" reaches its pods", func(ctx context.Context) bool {
		e := s.endpointsOf(ctx, service)
		if len(e) != len(want) {
			return false
		}
		for _, w := range want {
			if !e[w.Instance] {
				return false
			}
		}
		return true
	})
}

func (s *stand) gone(o client.Object, name string) {
	s.t.Helper()
	s.until(name+" is gone", func(ctx context.Context) bool {
		err := s.a.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: name}, o)
		return apierrors.IsNotFound(err)
	})
}

func TestMissing(t *testing.T) {
	s := newStand(t)
	if pools := s.observe("nobody"); len(pools) != 0 {
		t.Errorf("got %+v", pools)
	}
	_, err := s.d.Describe(t.Context(), s.target("nobody"))
	if p, ok := cluster.AsProblem(err); !ok || p.Reason != cluster.TargetNotFound {
		t.Errorf("got %v", err)
	}
	if err := s.d.Eject(t.Context(), s.target("nobody"), "v1"); err != nil {
		t.Error(err)
	}
	if err := s.d.Apply(t.Context(), s.target("nobody"), workload.Order{}); err == nil {
		t.Error("an order for nobody was taken")
	} else if p := (*cluster.Problem)(nil); !errors.As(err, &p) || p.Reason != cluster.TargetNotFound {
		t.Errorf("got %v", err)
	}
}
