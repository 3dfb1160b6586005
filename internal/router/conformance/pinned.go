package conformance

import (
	"fmt"
	"net/http"
	"testing"

	"serin.dev/serin/internal/plan"
)

// A visitor keeps all cookies, as a browser would.
type visitor struct {
	cookies map[string]*http.Cookie
	was     plan.TrackName
}

// pinned is the test of routers that remember: whoever has a track keeps it as long as it has a share, those who are new are dealt
// by the shares as they are, and what one release has dealt says nothing to the next.
func pinned(t *testing.T, b *bench) {
	const newcomers = 150
	b.both()
	glue := &plan.Sticky{Cookie: "serin-test", Salt: "r1"}
	var all []*visitor
	for _, share := range []plan.Share{100, 100, 300, 700} {
		b.apply(plan.Traffic{Shares: split(share), Sticky: glue})
		for i, v := range all {
			if was := v.was; b.visit(v) != was {
				t.Errorf("user %d was on %s and is on %s at %s", i, was, v.was, share)
			}
		}
		all = append(all, b.newcomers(share, newcomers)...)
	}
	b.apply(plan.Traffic{Shares: split(plan.Whole), Sticky: glue})
	b.together(all, plan.Canary)
	b.apply(plan.Traffic{Shares: split(0), Sticky: glue})
	b.together(all, plan.Stable)

	b.apply(plan.Traffic{Shares: split(0)})
	b.apply(plan.Traffic{Shares: split(200), Sticky: &plan.Sticky{Cookie: "serin-test", Salt: "r2"}})
	canaries := 0
	for _, v := range all {
		if b.visit(v) == plan.Canary {
			canaries++
		}
	}
	b.likely("users of one release who are on the canary of the next", 200, canaries, len(all))
}

// newcomers are users without a cookie, who are dealt by the share.
func (b *bench) newcomers(share plan.Share, n int) []*visitor {
	b.t.Helper()
	var all []*visitor
	canaries := 0
	for range n {
		v := &visitor{cookies: map[string]*http.Cookie{}}
		if b.visit(v) == plan.Canary {
			canaries++
		}
		all = append(all, v)
	}
	b.likely(fmt.Sprintf("new users on canary at %s", share), share, canaries, n)
	return all
}

// together expects all users on one track.
func (b *bench) together(all []*visitor, track plan.TrackName) {
	b.t.Helper()
	for i, v := range all {
		if was := v.was; b.visit(v) != track {
			b.t.Errorf("user %d was on %s and is on %s, want %s", i, was, v.was, track)
		}
	}
}

// visit asks as a user and keeps what cookies are set.
func (b *bench) visit(v *visitor) plan.TrackName {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.URL(b.router, b.Target)+"/", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("a user is answered %s", resp.Status)
	}
	for _, c := range resp.Cookies() {
		v.cookies[c.Name] = c
	}
	v.was = plan.TrackName(resp.Header.Get("X-Track"))
	return v.was
}
