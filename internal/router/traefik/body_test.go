package traefik

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
)

// Bodies are mirrored up to maxBody; larger ones reach stable whole, and nobody else.
func TestBodiesOfMirroredRequests(t *testing.T) {
	s := newSite(t)
	s.RealTime()
	traefik := s.Traefik()
	got := map[plan.TrackName]chan string{}
	for track, name := range map[plan.TrackName]string{plan.Stable: "shop", plan.Canary: "shop-canary"} {
		heard := make(chan string, 100)
		got[track] = heard
		server := clustertest.Serve(t, s.Access, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if r.Method != http.MethodPost {
				return
			}
			if err != nil {
				heard <- err.Error()
				return
			}
			heard <- string(body)
		}))
		clustertest.Endpoint(t, s.Access, s.Namespace, name, server)
	}
	s.order(ordered(mirrored(0, plan.Whole), `{"maxBody": 1000}`))
	s.Apply("user", "testdata/route.yaml")
	traefik.Follow(t)
	small, large := strings.Repeat("a", 999), strings.Repeat("b", 100_000)
	for _, body := range []string{large, small} {
		resp, err := http.Post(traefik.URL, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if heard := <-got[plan.Stable]; resp.StatusCode != http.StatusOK || heard != body {
			t.Errorf("a body of %d bytes reached stable as %d bytes, answered %s", len(body), len(heard), resp.Status)
		}
	}
	select {
	case heard := <-got[plan.Canary]: // copies come in order: were the large one copied, it would be first
		if heard != small {
			t.Errorf("the mirror got a body of %d bytes", len(heard))
		}
	case <-time.After(10 * time.Second):
		t.Error("the mirror got nothing")
	}
}
