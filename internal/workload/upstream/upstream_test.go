package upstream

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/workload"
	"serin.dev/serin/internal/workload/conformance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, dir string) *Upstreams {
	t.Helper()
	w, err := New(workload.Env{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// serve starts servers; each is healthy as long as its switch is not set.
func serve(t *testing.T, n int) (urls []string, ill []*atomic.Bool) {
	for range n {
		sick := &atomic.Bool{}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if sick.Load() {
				http.Error(w, "ill", http.StatusServiceUnavailable)
			}
		}))
		t.Cleanup(s.Close)
		urls, ill = append(urls, s.URL), append(ill, sick)
	}
	return urls, ill
}

func template(t *testing.T, urls ...string) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"version": "v1", "urls": urls, "health": map[string]any{"path": "/healthz", "interval": "20ms", "unhealthyAfter": 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Subject{
		Driver: Driver,
		New:    func(t *testing.T) workload.Workload { return open(t, t.TempDir()) },
		Template: func() func(t *testing.T, r plan.Revision) json.RawMessage {
			made := map[string]json.RawMessage{} // a revision's template is the same each time
			return func(t *testing.T, r plan.Revision) json.RawMessage {
				key := t.Name() + string(r)
				if made[key] == nil {
					urls, _ := serve(t, 3)
					made[key] = template(t, urls...)
				}
				return made[key]
			}
		}(),
		Stuck: func(t *testing.T, _ plan.Revision) json.RawMessage {
			urls, ill := serve(t, 1)
			ill[0].Store(true)
			return template(t, urls...)
		},
		Instances: func(int) int { return 3 },
		Refused: map[string]json.RawMessage{
			"urls":                   json.RawMessage(`{}`),
			"urls[1]":                json.RawMessage(`{"urls":["http://a","http://a/"]}`),
			"urls[0]: begins":        json.RawMessage(`{"urls":["ftp://a"]}`),
			"urls[0]: names no host": json.RawMessage(`{"urls":["http://"]}`),
			"urls[0]: must not hold": json.RawMessage(`{"urls":["http://me:secret@a"]}`),
			"urls[0]: must end":      json.RawMessage(`{"urls":["http://a/shop"]}`),
			"urls[0]: not a URL":     json.RawMessage(`{"urls":["http://a:b c"]}`),
			"health.path":            json.RawMessage(`{"urls":["http://a"],"health":{"path":"x"}}`),
			"health.interval":        json.RawMessage(`{"urls":["http://a"],"health":{"interval":1}}`),
			"servers: no such field": json.RawMessage(`{"servers":["http://a"]}`),
			"startup: no such field": json.RawMessage(`{"urls":["http://a"],"health":{"startup":"1s"}}`),
		},
	})
}

const shop = "Upstream/shop"

func until(t *testing.T, w *Upstreams, what string, good func(plan.Pool) bool) plan.Pool {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		pools, err := w.Observe(t.Context(), shop)
		if err != nil {
			t.Fatal(err)
		}
		if len(pools) > 0 && good(pools[0]) {
			return pools[0]
		}
		select {
		case <-w.Changed(shop):
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatalf("waiting until %s: still %+v", what, pools)
		}
	}
}

func order(t *testing.T, w *Upstreams, template json.RawMessage, replicas int) {
	t.Helper()
	err := w.Apply(t.Context(), shop, workload.Order{Pools: []workload.PoolOrder{{Pool: "v1", Revision: "v1", Template: template, Replicas: replicas}}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReadyIsThePartThatIsHealthy(t *testing.T) {
	cases := []struct {
		servers, ill, wanted, ready int
	}{
		{3, 0, 3, 3}, {3, 1, 3, 2}, {3, 0, 1, 1}, {3, 2, 1, 1}, {1, 0, 10, 10}, {4, 1, 10, 7}, {2, 2, 2, 0}, {4, 3, 2, 1},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			w := open(t, "")
			urls, ill := serve(t, c.servers)
			for i := range c.ill {
				ill[i].Store(true)
			}
			order(t, w, template(t, urls...), c.wanted)
			p := until(t, w, "all have been asked", func(p plan.Pool) bool {
				return len(p.Endpoints) == c.servers-c.ill && (c.ill == 0) == (p.Trouble == "")
			})
			if p.Ready != c.ready || p.Wanted != c.wanted || p.Running != c.servers {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestIllServerLeavesAndComesBackUnderItsName(t *testing.T) {
	w := open(t, "")
	urls, ill := serve(t, 2)
	order(t, w, template(t, urls...), 2)
	both := until(t, w, "both are ready", func(p plan.Pool) bool { return p.Ready == 2 })
	ill[0].Store(true)
	one := until(t, w, "one is left", func(p plan.Pool) bool { return p.Ready == 1 })
	if one.Endpoints[0] != both.Endpoints[1] || !strings.Contains(one.Trouble, "503") {
		t.Errorf("got %+v", one)
	}
	ill[0].Store(false)
	if again := until(t, w, "both are back", func(p plan.Pool) bool { return p.Ready == 2 }); again.Endpoints[0] != both.Endpoints[0] {
		t.Errorf("got %+v, before %+v", again, both)
	}
	if both.Endpoints[0].Instance != "shop-v1-0" {
		t.Errorf("named %s", both.Endpoints[0].Instance)
	}
}

func TestServersOverTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	w := open(t, "")
	// A certificate that nobody vouches for is told, not trusted.
	order(t, w, template(t, s.URL), 1)
	until(t, w, "there is trouble", func(p plan.Pool) bool { return strings.Contains(p.Trouble, "certificate") })
}

func TestNextSerinKnowsTheOrder(t *testing.T) {
	dir := t.TempDir()
	urls, _ := serve(t, 2)
	first := open(t, dir)
	order(t, first, template(t, urls...), 2)
	before := until(t, first, "both are ready", func(p plan.Pool) bool { return p.Ready == 2 })
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Apply(t.Context(), shop, workload.Order{}); err == nil {
		t.Error("an order after the end was taken")
	}
	second := open(t, dir)
	pools, err := second.Observe(t.Context(), shop) // at once, before any order
	if err != nil || len(pools) != 1 || pools[0].Ready != 2 || pools[0].Endpoints[0] != before.Endpoints[0] {
		t.Errorf("got %+v, %v, before %+v", pools, err, before)
	}
}

func TestBrokenMemoIsNoObstacle(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "orders"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "orders", "shop.json"), []byte(`{"tar`), 0o600); err != nil {
		t.Fatal(err)
	}
	urls, _ := serve(t, 1)
	w := open(t, dir)
	order(t, w, template(t, urls...), 1)
	until(t, w, "it is ready", func(p plan.Pool) bool { return p.Ready == 1 })
}
