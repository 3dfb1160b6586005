package proxy

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"pgregory.net/rapid"

	"serin.dev/serin/internal/plan"
)

func glueFor(t interface{ Fatal(...any) }, s plan.Sticky, shares plan.Shares) *glue {
	tbl := &table{tracks: map[plan.TrackName]*track{}}
	if err := tbl.addShares(shares); err != nil {
		t.Fatal(err)
	}
	g, err := newGlue(s, tbl.split)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// However a canary grows, nobody is sent back; and where it shrinks, only those leave whose bucket it lost.
func TestStickyIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		salt := rapid.String().Draw(t, "salt")
		users := rapid.SliceOfN(rapid.StringN(1, 20, -1), 1, 50).Draw(t, "users")
		from := plan.Share(rapid.IntRange(0, 1000).Draw(t, "from"))
		to := plan.Share(rapid.IntRange(0, 1000).Draw(t, "to"))
		split := func(share plan.Share) *glue {
			return glueFor(t, plan.Sticky{Cookie: "c", Salt: salt}, plan.Shares{plan.Stable: plan.Whole - share, plan.Canary: share})
		}
		before, after := split(from), split(to)
		for _, user := range users {
			b := bucket(user, salt)
			was, is := before.owner(user).name, after.owner(user).name
			if (was == plan.Canary) != (b < int(from)) || (is == plan.Canary) != (b < int(to)) {
				t.Fatalf("bucket %d is on %s at %s and on %s at %s", b, was, from, is, to)
			}
			if from <= to && was == plan.Canary && is != plan.Canary {
				t.Fatalf("user %q was sent back from %s to %s", user, from, to)
			}
		}
	})
}

func TestStickyOrderOfTracks(t *testing.T) {
	g := glueFor(t, plan.Sticky{Cookie: "c"}, plan.Shares{plan.Stable: 700, plan.Canary: 200, plan.Baseline: 100})
	for user := range 3000 {
		id := string(rune('a'+user%26)) + string(rune(user))
		want := plan.Stable
		switch b := bucket(id, ""); {
		case b < 100:
			want = plan.Baseline
		case b < 300:
			want = plan.Canary
		}
		if got := g.owner(id).name; got != want {
			t.Fatalf("bucket %d is on %s, want %s", bucket(id, ""), got, want)
		}
	}
}

// Another process, another version of serin, must find the same bucket.
func TestBucketsAreForEver(t *testing.T) {
	for _, test := range []struct {
		id, salt string
		want     int
	}{{"ann", "", 613}, {"ann", "r1", 557}, {"an", "nr1", 381}} {
		if got := bucket(test.id, test.salt); got != test.want {
			t.Errorf("bucket(%q, %q) = %d, want %d", test.id, test.salt, got, test.want)
		}
	}
}

func TestStickyCookie(t *testing.T) {
	g := glueFor(t, plan.Sticky{Cookie: "serin", MaxAge: 3600e9}, plan.Shares{plan.Stable: 500, plan.Canary: 500})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	on, cookie := g.track(r, true)
	if cookie == nil || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.MaxAge != 3600 {
		t.Fatalf("cookie %+v", cookie)
	}
	r.AddCookie(cookie)
	if again, second := g.track(r, true); again != on || second != nil {
		t.Errorf("with its cookie the user is on %s and gets %v, was on %s", again.name, second, on.name)
	}
	_, other := g.track(httptest.NewRequest(http.MethodGet, "/", nil), false)
	if other.Value == cookie.Value || other.Secure {
		t.Errorf("another user over clear text got %+v", other)
	}
}

func TestStickyHeader(t *testing.T) {
	g := glueFor(t, plan.Sticky{Header: "X-User", Cookie: "ignored"}, plan.Shares{plan.Stable: 500, plan.Canary: 500})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if on, cookie := g.track(r, false); on != nil || cookie != nil {
		t.Errorf("a request without the header is on %v and gets %v", on, cookie)
	}
	r.Header.Set("X-User", "ann")
	on, cookie := g.track(r, false)
	if on != g.owner("ann") || cookie != nil {
		t.Errorf("ann is on %v and gets %v", on, cookie)
	}
}
