package traefik

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/plan"
)

// What Observe waits for without a word from Traefik has to be enough: the default of settle is held against the real lag.
func TestTraefikFollowsWithinSettle(t *testing.T) {
	s := newSite(t)
	s.RealTime()
	at := clustertest.Traefik(t, s.Access, s.Namespace+".example.org")
	for track, name := range map[plan.TrackName]string{plan.Stable: "shop", plan.Canary: "shop-canary"} {
		clustertest.Endpoint(t, s.Access, s.Namespace, name, named(t, string(track)))
	}
	s.order(ordered(split(0)))
	s.Apply("user", "testdata/route.yaml")
	clustertest.Answered(t, at)
	settings, err := decode(nil)
	if err != nil {
		t.Fatal(err)
	}
	var worst time.Duration
	for i := range 10 {
		track := []plan.TrackName{plan.Canary, plan.Stable}[i%2]
		s.order(ordered(plan.Traffic{Shares: plan.Shares{track: plan.Whole}}))
		begun, last := time.Now(), time.Now()
		for time.Since(begun) < time.Second || time.Since(last) < 500*time.Millisecond {
			if who(t, at) != string(track) {
				last = time.Now()
			}
			if time.Since(begun) > 30*time.Second {
				t.Fatalf("%s does not get everything after 30s", track)
			}
		}
		worst = max(worst, last.Sub(begun))
	}
	t.Logf("Traefik followed within %s", worst)
	if settle := time.Duration(*settings.Settle); worst > settle {
		t.Errorf("Traefik followed after %s, and settle is %s", worst, settle)
	}
}

// named starts a server that says its name.
func named(t *testing.T, name string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Track", name) }))
	t.Cleanup(server.Close)
	return server.URL
}

func who(t *testing.T, at string) string {
	t.Helper()
	resp, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("answered %s", resp.Status)
	}
	return resp.Header.Get("X-Track")
}
