package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const shop = "Process/shop"

// A stage is a proxy with one target and the backends the test started.
type stage struct {
	t     *testing.T
	proxy *Proxy
	order router.Order
}

// newStage starts a proxy on a free port; settings are a JSON object without its listen address.
func newStage(t *testing.T, settings string) *stage {
	t.Helper()
	with := map[string]any{}
	if settings != "" {
		if err := json.Unmarshal([]byte(settings), &with); err != nil {
			t.Fatal(err)
		}
	}
	with["listen"] = "127.0.0.1:0"
	raw, err := json.Marshal(with)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, proxy: New(router.Env{}), order: router.Order{
		Traffic:   plan.Traffic{Shares: plan.Shares{plan.Stable: plan.Whole}},
		Endpoints: map[plan.TrackName][]plan.Endpoint{},
		With:      raw,
	}}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		s.proxy.Close(ctx)
	})
	return s
}

// serve adds an instance to a track.
func (s *stage) serve(track plan.TrackName, name string, h http.HandlerFunc) *httptest.Server {
	s.t.Helper()
	server := httptest.NewServer(h)
	s.t.Cleanup(server.Close)
	s.order.Endpoints[track] = append(s.order.Endpoints[track], plan.Endpoint{Instance: name, URL: server.URL})
	return server
}

// says answers every request with a word.
func says(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, word) }
}

func (s *stage) apply() {
	s.t.Helper()
	if err := s.proxy.Apply(context.Background(), shop, s.order); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) split(canary plan.Share) {
	s.t.Helper()
	s.order.Traffic.Shares = plan.Shares{plan.Stable: plan.Whole - canary, plan.Canary: canary}
	s.apply()
}

func (s *stage) url() string { return "http://" + s.proxy.Addr(shop).String() }

// client returns a client that keeps no connection beyond the test.
func (s *stage) client() *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// A reply is an answer read to its end.
type reply struct {
	*http.Response
	body string
}

func (s *stage) do(r *http.Request) reply {
	s.t.Helper()
	resp, err := s.client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{resp, string(body)}
}

func (s *stage) get(path string) reply {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url()+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(r)
}

func TestFirstRequest(t *testing.T) {
	s := newStage(t, "")
	s.serve(plan.Stable, "a", says("hello"))
	s.apply()
	if got := s.get("/x?y=1"); got.body != "hello" || got.StatusCode != 200 {
		t.Fatalf("got %d %q", got.StatusCode, got.body)
	}
	if got := s.proxy.Counted(shop)["a"]; got.Requests != 1 || got.Failures != 0 {
		t.Fatalf("counted %+v", got)
	}
}
