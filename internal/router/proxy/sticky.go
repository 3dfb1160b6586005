package proxy

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"

	"serin.dev/serin/internal/plan"
)

// A glue keeps users on their track, as plan.Sticky documents: by bucket, not by memory.
type glue struct {
	plan.Sticky
	low   []*track // tracks other than stable own the low buckets, in order
	upTo  []int    // low[i] ends below this bucket
	above *track   // stable, or the last track where stable has no share
}

func newGlue(s plan.Sticky, split []slice) (*glue, error) {
	if s.Cookie == "" && s.Header == "" {
		return nil, fmt.Errorf("sticky: neither a cookie nor a header is named")
	}
	if c := (&http.Cookie{Name: s.Cookie, Value: "x"}); s.Cookie != "" && c.Valid() != nil {
		return nil, fmt.Errorf("sticky: cookie %q: not a name for a cookie", s.Cookie)
	}
	g := &glue{Sticky: s}
	end := 0
	for _, part := range split {
		if part.track.name == plan.Stable {
			g.above = part.track
			continue
		}
		end += part.share
		g.low, g.upTo = append(g.low, part.track), append(g.upTo, end)
	}
	if g.above == nil && len(g.low) > 0 {
		g.above = g.low[len(g.low)-1]
	}
	return g, nil
}

// track returns where the user of a request belongs, and the cookie to set when the user was unknown. A nil track means
// that the request lacks the header to know a user by.
func (g *glue) track(r *http.Request, secure bool) (*track, *http.Cookie) {
	if g.Header != "" {
		if id := r.Header.Get(g.Header); id != "" {
			return g.owner(id), nil
		}
		return nil, nil
	}
	for name, value := range cookies(r.Header["Cookie"]) {
		if name == g.Cookie && value != "" {
			return g.owner(value), nil
		}
	}
	id := rand.Text()
	return g.owner(id), g.cookie(id, secure)
}

func (g *glue) owner(id string) *track {
	b := bucket(id, g.Salt)
	for i, end := range g.upTo {
		if b < end {
			return g.low[i]
		}
	}
	return g.above
}

// bucket spreads users evenly over 0 to 999. It must give the same answer in every process and every version of serin,
// hence a standard hash. The zero byte keeps ("ab", "c") apart from ("a", "bc").
func bucket(id, salt string) int {
	sum := sha256.Sum256([]byte(id + "\x00" + salt))
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(plan.Whole))
}

// cookie holds a random id, nothing about the user or the track. Browsers keep it for MaxAge, or for their session.
func (g *glue) cookie(id string, secure bool) *http.Cookie {
	return &http.Cookie{
		Name: g.Cookie, Value: id, Path: "/", MaxAge: int(g.MaxAge / time.Second),
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
}
