package deployment

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
)

// What one round with a canary that stands and is to stand asks of the workload, among a hundred Services.
func BenchmarkRound(b *testing.B) {
	a, ns := clustertest.New(b, kinds(b))
	objects := []client.Object{deployment(ns, "checkout", "v1")}
	for i := range 100 {
		name := fmt.Sprintf("checkout-%d", i)
		objects = append(objects, service(ns, name, map[string]string{"app": name}))
	}
	objects = append(objects, service(ns, "checkout", map[string]string{"app": "checkout"}))
	for _, o := range objects {
		if err := a.Create(b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
	a.Client = cached(b, ns)
	d := New(workload.Env{Cluster: a, Log: a.Log})
	v1, v2 := describe(b, d, ns), workload.Description{}
	reach := func(good func([]plan.Pool) bool) {
		b.Helper()
		err := wait.PollUntilContextTimeout(b.Context(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			if err := d.Apply(ctx, key(ns, "checkout"), order(v1, v2, 1)); err != nil {
				return false, err
			}
			pools, err := d.Observe(ctx, key(ns, "checkout"))
			return err == nil && good(pools), err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	reach(func(pools []plan.Pool) bool { return pool(pools, stablePool).Updated == 2 })
	change := client.RawPatch("application/json-patch+json", []byte(
		`[{"op":"replace","path":"/spec/template/spec/containers/0/env/0/value","value":"v2"}]`))
	if err := a.Patch(b.Context(), deployment(ns, "checkout", ""), change); err != nil {
		b.Fatal(err)
	}
	for v2 = describe(b, d, ns); v2.Revision == v1.Revision; v2 = describe(b, d, ns) {
		time.Sleep(100 * time.Millisecond) // until the cache has it
	}
	reach(func(pools []plan.Pool) bool { return ready(canaryPool, v2.Revision, 1)(pools) })
	b.ReportAllocs()
	for b.Loop() {
		describe(b, d, ns)
		if _, err := d.Observe(b.Context(), key(ns, "checkout")); err != nil {
			b.Fatal(err)
		}
		if err := d.Apply(b.Context(), key(ns, "checkout"), order(v1, v2, 1)); err != nil {
			b.Fatal(err)
		}
	}
}

func describe(b *testing.B, d *Deployments, ns string) workload.Description {
	b.Helper()
	got, err := d.Describe(b.Context(), key(ns, "checkout"))
	if err != nil {
		b.Fatal(err)
	}
	return got
}

// cached is a client that reads from caches, as the controller's does.
func cached(b *testing.B, ns string) client.Client {
	b.Helper()
	rest := clustertest.Config(b)
	reads, err := cache.New(rest, cache.Options{
		Scheme: kinds(b), DefaultNamespaces: map[string]cache.Config{ns: {}}, DefaultTransform: cache.TransformStripManagedFields(),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reads.Start(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Errorf("cache: %v", err)
		}
	})
	c, err := client.New(rest, client.Options{Scheme: kinds(b), Cache: &client.CacheOptions{Reader: reads, Unstructured: true}})
	if err != nil {
		b.Fatal(err)
	}
	return c
}
