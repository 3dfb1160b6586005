package proxy

import (
	"net/http"
	"strings"
	"testing"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// What cannot be done is refused with the place named, and the order that holds goes on to hold.
func TestOrdersAreRefused(t *testing.T) {
	one := func(name, url string) map[plan.TrackName][]plan.Endpoint {
		return map[plan.TrackName][]plan.Endpoint{plan.Stable: {{Instance: name, URL: url}}}
	}
	all := plan.Shares{plan.Stable: plan.Whole}
	for _, test := range []struct {
		reason string
		order  router.Order
		want   string
	}{
		{"an instance without a name", router.Order{Endpoints: one("", "http://a")}, "no name"},
		{"an address that is none", router.Order{Endpoints: one("v1", "http://a b")}, "v1"},
		{"a scheme we do not speak", router.Order{Endpoints: one("v1", "ftp://a")}, "http, https or h2c"},
		{"an address without a host", router.Order{Endpoints: one("v1", "http://")}, "host"},
		{"one name at two addresses", router.Order{Endpoints: map[plan.TrackName][]plan.Endpoint{
			plan.Stable: {{Instance: "v1", URL: "http://a"}}, plan.Canary: {{Instance: "v1", URL: "http://b"}},
		}}, "v1"},
		{"a match without a condition", router.Order{Traffic: plan.Traffic{Matches: []plan.Match{{Track: plan.Canary}}}}, "matches[0]"},
		{"a header without a name", router.Order{Traffic: plan.Traffic{Matches: []plan.Match{{Headers: []plan.Condition{{How: plan.Present}}}}}}, "headers[0]"},
		{"a cookie without a name", router.Order{Traffic: plan.Traffic{Matches: []plan.Match{{Cookies: []plan.Condition{{How: plan.Present}}}}}}, "cookies[0]"},
		{"a path expression that is none", router.Order{Traffic: plan.Traffic{Matches: []plan.Match{{Path: &plan.Condition{How: plan.Regex, Value: "["}}}}}, "path"},
		{"more than everything mirrored", router.Order{Traffic: plan.Traffic{Mirror: &plan.Mirror{Track: plan.Canary, Share: 1001}}}, "mirror"},
		{"sticky by nothing", router.Order{Traffic: plan.Traffic{Sticky: &plan.Sticky{}}}, "sticky"},
		{"a cookie name with a space", router.Order{Traffic: plan.Traffic{Sticky: &plan.Sticky{Cookie: "a b"}}}, "a b"},
	} {
		s := newStage(t, "")
		s.serve(plan.Stable, "v1", says("ok"))
		s.apply()
		order := test.order
		order.With = s.order.With
		if order.Traffic.Shares == nil {
			order.Traffic.Shares = all
		}
		if err := s.proxy.Apply(t.Context(), shop, order); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.reason, err, test.want)
		}
		if got := s.get("/"); got.body != "ok" {
			t.Errorf("%s: afterwards got %d %q", test.reason, got.StatusCode, got.body)
		}
	}
}

// Every way of carrying a request finds out that a canary cannot be reached before anything of the request is gone.
func TestUnreachableIsSafeForAllCarriers(t *testing.T) {
	s := newStage(t, `{"patience": "50ms"}`)
	s.serveH2(plan.Stable, "v1", func(w http.ResponseWriter, r *http.Request) {
		n := 0
		for buffer, m, err := make([]byte, 4096), 0, error(nil); err == nil; n += m {
			m, err = r.Body.Read(buffer)
		}
		if int64(n) != r.ContentLength {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	s.dead(plan.Canary, "v2")
	s.split(900)
	for _, client := range []*http.Client{s.client(), s.h2()} {
		for _, kind := range []string{"text/plain", "application/grpc"} {
			for _, n := range []int{0, 10, smallBody + 1, 500000} {
				for range 5 {
					resp, err := client.Post(s.url(), kind, strings.NewReader(strings.Repeat("x", n)))
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						t.Errorf("%s, %s, %d bytes: got %s %s", resp.Proto, kind, n, resp.Status, resp.Header.Get(ErrorHeader))
					}
				}
			}
		}
	}
}
