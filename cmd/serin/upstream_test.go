package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"serin.dev/serin/internal/plan"
)

// servers answers as a version, at so many addresses. One request in two of a failing version fails; its health does not.
func servers(t *testing.T, version string, n int, failing bool) string {
	t.Helper()
	var urls []string
	var asked atomic.Int64
	for range n {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Version", version)
			if failing && r.URL.Path != "/healthz" && asked.Add(1)%2 == 0 {
				http.Error(w, "no", http.StatusInternalServerError)
			}
		}))
		t.Cleanup(s.Close)
		urls = append(urls, fmt.Sprintf("%q", s.URL))
	}
	return strings.Join(urls, ", ")
}

// The strangler fig: requests move from old servers to new ones that serin does not run, and back from bad ones. The sets
// may differ in size.
func TestStranglerFig(t *testing.T) {
	long(t, "two releases under load")
	yaml := func(version, urls string) string {
		return fmt.Sprintf(`apiVersion: serin.dev/v1alpha1
kind: Upstream
metadata: {name: shop}
spec:
  version: %s
  urls: [%s]
  health: {path: /healthz, interval: 100ms}
---
apiVersion: serin.dev/v1alpha1
kind: Canary
metadata: {name: shop}
spec:
  target: {kind: Upstream, name: shop}
  traffic:
    proxy: {listen: "LISTEN"}
  metrics: {every: 200ms, proxy: {}}
  steps: [{weight: 10, hold: 1s}, {weight: 50, hold: 1s}]
`, version, urls)
	}
	s := start(t, yaml("v1", servers(t, "v1", 3, false)))
	s.over("shop", 15*time.Second)
	users := sendTo(t, s.url(), 200)
	users.settle(100)
	s.rewrite(yaml("v2", servers(t, "v2", 1, false)))
	if good := s.over("shop-2", 40*time.Second); good.Phase != plan.Succeeded {
		t.Errorf("the new servers: want promotion, got %s", good.Headline)
	}
	users.settle(100)
	s.rewrite(yaml("v3", servers(t, "v3", 2, true)))
	if bad := s.over("shop-3", 40*time.Second); bad.Phase != plan.Returned {
		t.Errorf("the failing servers: want a rollback, got %s", bad.Headline)
	}
	users.settle(100)
	users.nothingLost("v3")
}
