package hands

import (
	"context"
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"serin.dev/serin/internal/cluster"
)

var (
	routes = schema.GroupVersionKind{Group: "example.org", Version: "v1", Kind: "Route"}
	shop   = types.NamespacedName{Namespace: "shop", Name: "shop"}
)

const target = "Deployment/shop/shop"

// A lagging client reads what was there when it was last told to catch up, as a cache does. It writes at once.
type lagging struct {
	client.Client
	seen  map[types.NamespacedName]*unstructured.Unstructured
	lists int
}

func (l *lagging) Get(_ context.Context, name client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	o, ok := l.seen[name]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Group: routes.Group, Resource: "routes"}, name.Name)
	}
	o.DeepCopyInto(into.(*unstructured.Unstructured))
	return nil
}

func (l *lagging) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	l.lists++
	for _, o := range l.seen {
		into.(*unstructured.UnstructuredList).Items = append(into.(*unstructured.UnstructuredList).Items, *o.DeepCopy())
	}
	return nil
}

// catchUp lets the cache see what is there.
func (l *lagging) catchUp(t *testing.T, names ...types.NamespacedName) {
	t.Helper()
	l.seen = map[types.NamespacedName]*unstructured.Unstructured{}
	for _, name := range names {
		o := Empty(routes, name)
		if err := l.Client.Get(t.Context(), name, o); err == nil {
			l.seen[name] = o
		} else if !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
}

func newLagging() (*lagging, *Objects) {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(routes, &unstructured.Unstructured{})
	scheme.AddKnownTypeWithName(routes.GroupVersion().WithKind("RouteList"), &unstructured.UnstructuredList{})
	live := fake.NewClientBuilder().WithScheme(scheme).WithReturnManagedFields().Build()
	l := &lagging{Client: live}
	holds := func(o *unstructured.Unstructured, target string) bool {
		return o.GetAnnotations()[cluster.TrafficAnnotation] == target
	}
	return l, New(&cluster.Access{Client: l, Live: live, Now: time.Now}, holds, routes)
}

func route(name types.NamespacedName, says string) *unstructured.Unstructured {
	o := Empty(routes, name)
	o.Object["spec"] = map[string]any{"says": says}
	return o
}

func says(o *unstructured.Unstructured) string {
	text, _, _ := unstructured.NestedString(o.Object, "spec", "says")
	return text
}

func TestTheLastWriteCountsOverACacheThatLags(t *testing.T) {
	cache, objects := newLagging()
	expect := func(want, reason string) *unstructured.Unstructured {
		t.Helper()
		o, err := objects.Get(t.Context(), routes, shop)
		if err != nil || says(o) != want {
			t.Fatalf("%s: read %q, %v; want %q", reason, says(o), err, want)
		}
		return o
	}
	if err := objects.Store(t.Context(), route(shop, "one")); err != nil {
		t.Fatal(err)
	}
	expect("one", "made, and the cache knows nothing of it")
	cache.catchUp(t, shop)
	o := expect("one", "the cache has it")
	_ = unstructured.SetNestedField(o.Object, "two", "spec", "says")
	if err := objects.Store(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	_ = unstructured.SetNestedField(o.Object, "changed by its owner", "spec", "says")
	expect("two", "the cache still has the first")

	others := Empty(routes, shop)
	if err := cache.Client.Get(t.Context(), shop, others); err != nil {
		t.Fatal(err)
	}
	_ = unstructured.SetNestedField(others.Object, "three", "spec", "says")
	if err := cache.Client.Update(t.Context(), others); err != nil {
		t.Fatal(err)
	}
	expect("two", "what others wrote comes by the cache")
	cache.catchUp(t, shop)
	expect("three", "the cache has more than was written here")

	if err := cache.Client.Delete(t.Context(), others); err != nil {
		t.Fatal(err)
	}
	cache.catchUp(t)
	if _, err := objects.Get(t.Context(), routes, shop); !apierrors.IsNotFound(err) {
		t.Errorf("deleted, and read as %v", err)
	}
}

func TestDeletedByOthersWhileTheCacheLags(t *testing.T) {
	cache, objects := newLagging()
	if err := objects.Store(t.Context(), route(shop, "one")); err != nil {
		t.Fatal(err)
	}
	if err := cache.Client.Delete(t.Context(), route(shop, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.Get(t.Context(), routes, shop); !apierrors.IsNotFound(err) {
		t.Errorf("neither the cache nor the cluster has it, and it is read as %v", err)
	}
}

// After a conflict the next try is made on what is there, although the cache does not have it yet.
func TestAgainAfterAConflict(t *testing.T) {
	cache, objects := newLagging()
	if err := objects.Store(t.Context(), route(shop, "one")); err != nil {
		t.Fatal(err)
	}
	cache.catchUp(t, shop)
	others := cache.seen[shop].DeepCopy()
	others.SetLabels(map[string]string{"theirs": "stays"})
	if err := cache.Client.Update(t.Context(), others); err != nil {
		t.Fatal(err)
	}
	tries := 0
	err := Again(func() error {
		tries++
		o, err := objects.Get(t.Context(), routes, shop)
		if err != nil {
			return err
		}
		_ = unstructured.SetNestedField(o.Object, "two", "spec", "says")
		return objects.Store(t.Context(), o)
	})
	got := Empty(routes, shop)
	if e := cache.Client.Get(t.Context(), shop, got); err != nil || e != nil {
		t.Fatal(err, e)
	}
	if tries != 2 || says(got) != "two" || got.GetLabels()["theirs"] != "stays" {
		t.Errorf("after %d tries: %v", tries, got.Object)
	}
	always := apierrors.NewConflict(schema.GroupResource{}, "shop", errors.New("always"))
	tries = 0
	if err := Again(func() error { tries++; return always }); !apierrors.IsConflict(err) || tries != 4 {
		t.Errorf("gave up after %d tries with %v", tries, err)
	}
}

func TestHolding(t *testing.T) {
	cache, objects := newLagging()
	expect := func(want string, lists int, reason string) {
		t.Helper()
		before := cache.lists
		o, err := objects.Holding(t.Context(), target)
		got := ""
		if o != nil {
			got = o.GetName()
		}
		if err != nil || got != want || cache.lists-before != lists {
			t.Errorf("%s: found %q with %d lists, %v; want %q with %d", reason, got, cache.lists-before, err, want, lists)
		}
	}
	expect("", 1, "nobody has hands on anything")
	held := route(shop, "")
	held.SetAnnotations(map[string]string{cluster.TrafficAnnotation: target})
	if err := objects.Store(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	cache.catchUp(t, shop)
	expect("shop", 1, "found")
	expect("shop", 0, "remembered")
	held.SetAnnotations(nil)
	if err := objects.Store(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	expect("", 1, "let go, which the cache does not know yet")
	objects.Remember(target, held, true)
	expect("", 0, "it rests: nobody looks anywhere else")
	if home, err := objects.Home(t.Context(), target); err != nil || home.GetName() != "shop" {
		t.Errorf("home is %v, %v", home, err)
	}
	objects.Forget(target)
	expect("", 1, "forgotten")
	if home, err := objects.Home(t.Context(), target); err != nil || home != nil {
		t.Errorf("home is %v, %v", home, err)
	}
	if o, err := objects.Holding(t.Context(), "Process/shop"); o != nil || err != nil {
		t.Errorf("a target of no cluster is held by %v, %v", o, err)
	}
}

func TestOwnersGetTheirFieldsBack(t *testing.T) {
	entry := func(manager, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: "Apply", APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)}
	}
	_, objects := newLagging()
	o := route(shop, "")
	o.SetManagedFields([]metav1.ManagedFieldsEntry{
		entry("kustomize", `{"f:spec":{"f:rules":{},"f:hosts":{}}}`), entry("dash", `{"f:spec":{"f:rules":{}}}`), entry("other", `{"f:spec":{"f:hosts":{}}}`),
	})
	found, err := objects.Owners(t.Context(), nil, o, "rules", "tcp")
	if err != nil || len(found) != 2 || found[0].Manager != "kustomize" || found[1].Manager != "dash" {
		t.Fatalf("owners of the rules are %+v, %v", found, err)
	}
	if again, _ := objects.Owners(t.Context(), found, o, "rules"); len(again) != 2 {
		t.Fatalf("owners that were known are known twice: %+v", again)
	}
	o.SetManagedFields([]metav1.ManagedFieldsEntry{
		entry("kustomize", `{"f:spec":{"f:hosts":{}}}`), entry("other", `{"f:spec":{"f:hosts":{}}}`), entry(cluster.TrafficManager, `{"f:spec":{"f:rules":{}}}`),
	})
	if err := objects.GiveBack(t.Context(), o, found); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range o.GetManagedFields() {
		got[e.Manager] = e.FieldsV1.GetRawString()
	}
	if len(got) != 3 || got["kustomize"] != `{"f:spec":{"f:hosts":{},"f:rules":{}}}` || got["dash"] != `{"f:spec":{"f:rules":{}}}` || got["other"] != `{"f:spec":{"f:hosts":{}}}` {
		t.Errorf("fields are owned by %v", got)
	}
}

// The caches of the controller keep no managed fields; whom to give fields back to must be known all the same.
func TestOwnersOfWhatACacheHasStripped(t *testing.T) {
	cache, objects := newLagging()
	made := route(shop, "one")
	if err := cache.Client.Create(t.Context(), made, client.FieldOwner("kustomize")); err != nil {
		t.Fatal(err)
	}
	cache.catchUp(t, shop)
	cache.seen[shop].SetManagedFields(nil)
	o, err := objects.Get(t.Context(), routes, shop)
	if err != nil {
		t.Fatal(err)
	}
	found, err := objects.Owners(t.Context(), nil, o, "says")
	if err != nil || len(found) != 1 || found[0].Manager != "kustomize" || found[0].Field != "f:says" {
		t.Fatalf("owners are %+v, %v", found, err)
	}
	if err := objects.GiveBack(t.Context(), o, nil); err != nil || len(o.GetManagedFields()) != 1 || o.GetManagedFields()[0].Manager != "kustomize" {
		t.Errorf("whose fields serin never had has lost them: %+v, %v", o.GetManagedFields(), err)
	}
}

func TestTaken(t *testing.T) {
	o := route(shop, "")
	if err := Taken(o, "spec.traffic"); err != nil {
		t.Errorf("nobody else writes it: %v", err)
	}
	o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "flagger.app/v1beta1", Kind: "Canary", Name: "shop"}})
	if p, ok := cluster.AsProblem(Taken(o, "spec.traffic")); !ok || p.Reason != cluster.RouteTaken || p.Field != "spec.traffic" {
		t.Errorf("Flagger writes it: %v", p)
	}
	o.SetOwnerReferences(nil)
	o.SetLabels(map[string]string{"rollouts.argoproj.io/managed-by-rollouts": "shop"})
	if _, ok := cluster.AsProblem(Taken(o, "spec.traffic")); !ok {
		t.Error("Argo Rollouts writes it, and it is not refused")
	}
}
