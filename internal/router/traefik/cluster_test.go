package traefik

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

const (
	restsAtStable = `{"weighted":{"services":[{"kind":"Service","name":"shop","port":80,"weight":100}]}}`
	splitsFinely  = `{"weighted":{"services":[{"kind":"Service","name":"shop","port":80,"weight":999},` +
		`{"kind":"Service","name":"shop-canary","port":80,"weight":1}]}}`
	splitsBroadly = `{"weighted":{"services":[{"kind":"Service","name":"shop","port":80,"weight":90},` +
		`{"kind":"Service","name":"shop-canary","port":80,"weight":10}]}}`
	mirrorsStable = `{"mirroring":{"kind":"Service","maxBodySize":65536,"mirrors":[{"kind":"Service","name":"shop-canary","percent":25,"port":80}],` +
		`"name":"shop","port":80}}`
	mirrorsShares = `{"mirroring":{"kind":"TraefikService","maxBodySize":65536,"mirrors":[{"kind":"Service","name":"shop-canary","percent":50,"port":80}],` +
		`"name":"shop-serin-shares"}}`
)

func TestSharesAndMirrors(t *testing.T) {
	s := newSite(t)
	s.open("shop", "shop-canary")
	for _, step := range []struct {
		reason        string
		traffic       plan.Traffic
		entry, beside string
	}{
		{"nothing is released", split(0), restsAtStable, ""},
		{"thousandths", split(1), splitsFinely, ""},
		{"whole per cent", split(100), splitsBroadly, ""},
		{"copies of what stable gets", mirrored(0, 250), mirrorsStable, ""},
		{"copies of what both get", mirrored(100, 500), mirrorsShares, splitsBroadly},
		{"the shares alone change", mirrored(1, 500), mirrorsShares, splitsFinely},
		{"the mirror goes", split(1), splitsFinely, ""},
		{"all goes", split(0), restsAtStable, ""},
	} {
		s.order(ordered(step.traffic))
		s.spec("shop-serin", step.entry)
		if step.beside == "" {
			s.isGone("shop-serin-shares")
		} else {
			s.spec("shop-serin-shares", step.beside)
		}
		if seen := s.observe(); !strings.Contains(seen.Pending, "written") || !seen.Traffic.Equal(step.traffic) {
			t.Errorf("%s: at once %+v", step.reason, seen)
		}
		s.Pass(3 * time.Second)
		version := s.Get(empty(), "shop-serin").GetResourceVersion()
		s.order(ordered(step.traffic))
		if s.Get(empty(), "shop-serin").GetResourceVersion() != version {
			t.Errorf("%s: ordering the same again wrote", step.reason)
		}
		first := s.observe()
		if first.Pending != "" || !first.Traffic.Equal(step.traffic) || !first.Since.Equal(s.Access.Now()) || first.Pool(plan.Canary) != "canary" {
			t.Errorf("%s: settled %+v", step.reason, first)
		}
		s.restart()
		if again := s.observe(); !reflect.DeepEqual(first, again) {
			t.Errorf("%s: another process sees %+v, this one %+v", step.reason, again, first)
		}
	}
}

// Another order for the same traffic, of another pool, tells Traefik nothing new.
func TestAPoolChanges(t *testing.T) {
	s := newSite(t)
	s.order(ordered(split(0)))
	s.Pass(time.Minute)
	o := ordered(split(0))
	o.Pools[plan.Canary] = "v3"
	s.order(o)
	if seen := s.observe(); seen.Pending != "" || seen.Pool(plan.Canary) != "v3" {
		t.Errorf("seen %+v", seen)
	}
}

func TestStickyCookie(t *testing.T) {
	s := newSite(t)
	s.open("shop", "shop-canary")
	cookie := func(traffic plan.Traffic) string {
		s.Helper()
		s.order(ordered(traffic, `{"cookie": {"secure": true, "sameSite": "none"}}`))
		if seen := s.observe(); !seen.Traffic.Equal(traffic) {
			t.Errorf("observed %+v, want %+v", seen.Traffic, traffic)
		}
		s.Pass(time.Second)
		c := object(s.Get(empty(), "shop-serin").Object, "spec", "weighted", "sticky", "cookie")
		name, _ := c["name"].(string)
		if delete(c, "name"); !same(c, map[string]any{"httpOnly": true, "maxAge": 3600, "secure": true, "sameSite": "none"}) {
			t.Errorf("the cookie is %v", c)
		}
		return name
	}
	s.order(ordered(split(0)))
	first := cookie(sticky(100, "r1"))
	if !strings.HasPrefix(first, "user-") {
		t.Errorf("the cookie is called %q", first)
	}
	if grown := cookie(sticky(500, "r1")); grown != first {
		t.Errorf("a growing weight deals anew: %s, then %s", first, grown)
	}
	if home := cookie(sticky(0, "r1")); home != first {
		t.Errorf("users who come home are dealt anew: %s, then %s", first, home)
	}
	again := cookie(sticky(10, "r1"))
	if again == first {
		t.Error("whoever was on the canary before it was sent back comes straight to it again")
	}
	if other := cookie(sticky(10, "r2")); other == again || other == first {
		t.Error("two releases have one cookie")
	}
	s.order(ordered(mirrored(100, 500)))
	glued := mirrored(100, 500)
	glued.Sticky = sticky(100, "r1").Sticky
	s.order(ordered(glued))
	if seen := s.observe(); !seen.Traffic.Equal(glued) {
		t.Errorf("observed %+v", seen.Traffic)
	}
}

// Settings that are for Traefik reach it at every Service.
func TestHowTraefikSpeaks(t *testing.T) {
	s := newSite(t)
	s.order(ordered(split(0), `{"service": "door", "port": "http", "scheme": "h2c", "serversTransport": "slow", "nativeLB": true, "maxBody": -1}`))
	s.spec("door", `{"weighted":{"services":[{"kind":"Service","name":"shop","nativeLB":true,"port":"http","scheme":"h2c","serversTransport":"slow","weight":100}]}}`)
}

func TestRestoreLeavesStable(t *testing.T) {
	s := newSite(t)
	s.open("shop", "shop-canary")
	s.order(ordered(mirrored(100, 500)))
	s.restart()
	for range 2 {
		if err := s.router.Restore(t.Context(), s.Target("shop")); err != nil {
			t.Fatal(err)
		}
	}
	s.spec("shop-serin", restsAtStable)
	s.isGone("shop-serin-shares")
	if notes := s.Get(empty(), "shop-serin").GetAnnotations(); notes != nil {
		t.Errorf("left behind: %v", notes)
	}
	if seen := s.observe(); !reflect.DeepEqual(seen, plan.Route{}) {
		t.Errorf("after restore: %+v", seen)
	}
	s.order(ordered(split(1)))
	s.spec("shop-serin", splitsFinely)
}

// The settings name another TraefikService: the former one stays, since users may still come by it, and serves stable.
func TestTheServiceIsRenamed(t *testing.T) {
	s := newSite(t)
	s.open("shop", "shop-canary")
	s.order(ordered(split(1)))
	s.order(ordered(split(1), `{"service": "door"}`))
	s.spec("door", splitsFinely)
	s.spec("shop-serin", restsAtStable)
	if notes := s.Get(empty(), "shop-serin").GetAnnotations(); notes != nil {
		t.Errorf("the former one says %v", notes)
	}
	if seen := s.observe(); !seen.Traffic.Equal(split(1)) {
		t.Errorf("observed %+v", seen)
	}
}

// edit changes a TraefikService as a person would.
func (s *site) edit(name string, change func(spec map[string]any)) {
	s.Helper()
	ts := s.Get(empty(), name)
	change(object(ts.Object, "spec"))
	if err := s.Access.Update(s.Context(), ts, client.FieldOwner("kubectl-edit")); err != nil {
		s.Fatal(err)
	}
}

func TestAPersonEditsMidRelease(t *testing.T) {
	s := newSite(t)
	s.open("shop", "shop-canary")
	for _, step := range []struct {
		reason  string
		order   plan.Traffic
		entry   string
		change  func(spec map[string]any)
		seen    plan.Traffic
		pending string
	}{
		{"other weights", split(100), splitsBroadly, func(spec map[string]any) {
			list := object(spec, "weighted")["services"].([]any)
			list[1].(map[string]any)["weight"] = int64(810)
		}, split(900), ""},
		{"a Service of somebody else", split(100), splitsBroadly, func(spec map[string]any) {
			list := object(spec, "weighted")["services"].([]any)
			list[1].(map[string]any)["name"] = "elsewhere"
		}, plan.Traffic{}, "elsewhere"},
		{"weights beside the mirror, which Traefik prefers", mirrored(0, 250), mirrorsStable, func(spec map[string]any) {
			spec["weighted"] = map[string]any{"services": []any{map[string]any{"name": "shop-canary", "port": int64(80)}}}
		}, split(plan.Whole), ""},
		{"another mirror", mirrored(0, 250), mirrorsStable, func(spec map[string]any) {
			list := object(spec, "mirroring")["mirrors"].([]any)
			list[0].(map[string]any)["name"] = "elsewhere"
		}, plan.Traffic{}, "elsewhere"},
		{"less of the mirror", mirrored(0, 250), mirrorsStable, func(spec map[string]any) {
			list := object(spec, "mirroring")["mirrors"].([]any)
			list[0].(map[string]any)["percent"] = int64(1)
		}, mirrored(0, 10), ""},
		{"nothing at all", split(100), splitsBroadly, func(spec map[string]any) { delete(spec, "weighted") }, plan.Traffic{}, "neither"},
	} {
		s.order(ordered(step.order))
		s.Pass(time.Minute)
		s.edit("shop-serin", step.change)
		seen := s.observe()
		if !strings.Contains(seen.Pending, step.pending) || step.pending == "" && (seen.Pending != "" || !seen.Traffic.Equal(step.seen)) {
			t.Errorf("%s: observed %+v", step.reason, seen)
		}
		s.order(ordered(step.order))
		s.spec("shop-serin", step.entry)
		if seen := s.observe(); !seen.Traffic.Equal(step.order) || seen.Pending == "" {
			t.Errorf("%s: ordered again, observed %+v", step.reason, seen)
		}
	}
	s.order(ordered(mirrored(100, 500)))
	if err := s.Access.Delete(t.Context(), s.Get(empty(), "shop-serin-shares")); err != nil {
		t.Fatal(err)
	}
	if seen := s.observe(); !strings.Contains(seen.Pending, "does not split") {
		t.Errorf("without shares: %+v", seen)
	}
	s.order(ordered(mirrored(100, 500)))
	s.spec("shop-serin-shares", splitsBroadly)
}

// Traefik drops a TraefikService whole when one of its Services is missing, lacks the port or has no endpoint.
func TestNoServiceThatCannotAnswer(t *testing.T) {
	s := newSite(t)
	s.order(ordered(split(0))) // stable has no endpoint either, and nobody is worse off for it
	err := s.router.Apply(t.Context(), s.Target("shop"), ordered(split(100)))
	if err == nil || !strings.Contains(err.Error(), "shop-canary: it has no ready endpoint yet") {
		t.Errorf("got %v", err)
	}
	if _, ok := cluster.AsProblem(err); ok {
		t.Error("what time mends is no problem for people")
	}
	s.spec("shop-serin", restsAtStable)
	s.open("shop-canary")
	s.order(ordered(split(100)))
	s.spec("shop-serin", splitsBroadly)
	clustertest.NoEndpoints(t, s.Access, s.Namespace)
	s.order(ordered(split(0))) // stable gets requests already
	s.spec("shop-serin", restsAtStable)

	gone := ordered(split(100))
	gone.Services[plan.Canary] = "nowhere"
	if p := s.problem(gone, cluster.TargetUnfit); !strings.Contains(p.Text, "nowhere") {
		t.Errorf("got %+v", p)
	}
	p := s.problem(ordered(split(100), `{"port": 8080}`), cluster.TargetUnfit)
	if p.Field != "spec.traffic.traefik.port" || !strings.Contains(p.Text, "no port 8080") {
		t.Errorf("got %+v", p)
	}
}

func TestProblems(t *testing.T) {
	s := newSite(t)
	glued := split(100)
	glued.Sticky = &plan.Sticky{Header: "X-User"}
	for _, test := range []struct {
		reason, field, text string
		order               router.Order
	}{
		{cluster.RouteUnfit, "spec.steps", "mirrors whole per cent, and 12.5% is none", ordered(mirrored(0, 125))},
		{cluster.RouteUnfit, "spec.traffic.sticky.header", "not by the header X-User", ordered(glued)},
		{cluster.RouteUnfit, "spec.steps", "cannot match", ordered(plan.Traffic{Shares: split(0).Shares, Matches: []plan.Match{{Track: plan.Canary}}})},
		{cluster.TargetUnfit, "", "no Service reaches the track baseline", ordered(plan.Traffic{Shares: plan.Shares{plan.Stable: 900, plan.Baseline: 100}})},
	} {
		if p := s.problem(test.order, test.reason); p.Field != test.field || !strings.Contains(p.Text, test.text) {
			t.Errorf("got %+v, want %q at %s", p, test.text, test.field)
		}
		s.isGone("shop-serin")
	}
	users := empty()
	users.SetNamespace(s.Namespace)
	users.SetName("shop-serin")
	users.Object["spec"] = map[string]any{"weighted": map[string]any{}}
	if err := s.Access.Create(t.Context(), users); err != nil {
		t.Fatal(err)
	}
	if p := s.problem(ordered(split(0)), cluster.RouteTaken); p.Field != "spec.traffic.traefik.service" {
		t.Errorf("got %+v", p)
	}
	s.spec("shop-serin", `{"weighted":{}}`)
}

// Without Traefik's kinds there is nothing to see, and an order says what is missing.
func TestMissingKind(t *testing.T) {
	s := newSite(t)
	s.Access.Client = noKind{s.Access.Client}
	s.restart()
	if seen := s.observe(); !reflect.DeepEqual(seen, plan.Route{}) {
		t.Errorf("seen %+v", seen)
	}
	s.problem(ordered(split(0)), cluster.KindMissing)
	if err := s.router.Restore(t.Context(), s.Target("shop")); err != nil {
		t.Error(err)
	}
}

// noKind asks for a kind that the cluster does not know, in place of TraefikServices.
type noKind struct{ client.Client }

func (c noKind) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	if u, ok := o.(*unstructured.Unstructured); ok && u.GetKind() == kind {
		u.SetAPIVersion("nowhere.traefik.io/v1alpha1")
	}
	return c.Client.Get(ctx, key, o, options...)
}

func (c noKind) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if u, ok := list.(*unstructured.UnstructuredList); ok && u.GetKind() == kind+"List" {
		u.SetAPIVersion("nowhere.traefik.io/v1alpha1")
	}
	return c.Client.List(ctx, list, options...)
}

// A cache that lags must not make what was written seem undone.
func TestAStaleCacheIsNotBelieved(t *testing.T) {
	s := newSite(t)
	s.open("shop", "shop-canary")
	stale := &staleReads{Client: s.Access.Client, missing: true}
	s.Access.Client = stale
	s.restart()
	s.order(ordered(split(1)))
	if seen := s.observe(); !seen.Traffic.Equal(split(1)) {
		t.Errorf("observed %+v", seen)
	}
	stale.missing = false
	stale.old = s.Get(empty(), "shop-serin")
	s.order(ordered(split(100)))
	if seen := s.observe(); !seen.Traffic.Equal(split(100)) {
		t.Errorf("observed %+v", seen)
	}
	stale.old = nil
	if seen := s.observe(); !seen.Traffic.Equal(split(100)) {
		t.Errorf("observed %+v", seen)
	}
}

// staleReads answers as things once were.
type staleReads struct {
	client.Client
	missing bool
	old     *unstructured.Unstructured
}

func (c *staleReads) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	u, ok := o.(*unstructured.Unstructured)
	if ok && u.GetKind() == kind && c.missing {
		return apierrors.NewNotFound(u.GroupVersionKind().GroupVersion().WithResource("traefikservices").GroupResource(), key.Name)
	}
	if ok && c.old != nil && key == client.ObjectKeyFromObject(c.old) {
		u.Object = c.old.DeepCopy().Object
		return nil
	}
	return c.Client.Get(ctx, key, o, options...)
}

// Every setting that is checked by name is one of the type's.
func TestRefusalsNameFields(t *testing.T) {
	for name, with := range refusals {
		if err := Check(with); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", with, err)
		}
	}
	if err := Check(json.RawMessage(`{"service": "door", "port": "http", "cookie": {"sameSite": "lax"}}`)); err != nil {
		t.Error(err)
	}
}
