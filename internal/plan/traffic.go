package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Share is a part of a whole in thousandths: 1 is 0.1 %, 1000 is everything.
type Share int

// Whole is everything.
const Whole Share = 1000

// Percent returns the share as a percentage.
func (s Share) Percent() float64 { return float64(s) / 10 }

// String writes a share the way people do: "12.5%", "50%".
func (s Share) String() string {
	if s%10 == 0 {
		return fmt.Sprintf("%d%%", s/10)
	}
	return fmt.Sprintf("%d.%d%%", s/10, s%10)
}

// Shares says which part of the requests goes to which track. A missing track gets nothing; a whole split sums to Whole.
type Shares map[TrackName]Share

// Sum adds all shares up.
func (s Shares) Sum() Share {
	var sum Share
	for _, share := range s {
		sum += share
	}
	return sum
}

// Check refuses shares that are not the parts of one whole. No shares at all are allowed: nobody gets anything.
func (s Shares) Check() error {
	for _, track := range s.Tracks() {
		if s[track] < 0 {
			return fmt.Errorf("the share of %s is negative", track)
		}
	}
	if sum := s.Sum(); sum != Whole && sum != 0 {
		return fmt.Errorf("shares sum to %s instead of %s", sum, Whole)
	}
	return nil
}

// Tracks returns the tracks that get something, stable first, then by name.
func (s Shares) Tracks() []TrackName {
	names := slices.Collect(maps.Keys(s))
	names = slices.DeleteFunc(names, func(t TrackName) bool { return s[t] == 0 })
	slices.SortFunc(names, compareTracks)
	return names
}

func compareTracks(a, b TrackName) int {
	switch {
	case a == b:
		return 0
	case a == Stable:
		return -1
	case b == Stable:
		return 1
	}
	return strings.Compare(string(a), string(b))
}

// Traffic says where requests go. Matches are tried first, in order; what no match claims is split by Shares.
type Traffic struct {
	Shares  Shares  `json:"shares"`
	Matches []Match `json:"matches,omitempty"`
	Mirror  *Mirror `json:"mirror,omitempty"`
	Sticky  *Sticky `json:"sticky,omitempty"`
}

// Check refuses what no route of a data plane can be: one whole that is split, and copies of no more than that.
func (t Traffic) Check() error {
	if t.Shares.Sum() == 0 {
		return errors.New("shares sum to 0%: a route has to lead somewhere")
	}
	if m := t.Mirror; m != nil && (m.Share < 0 || m.Share > Whole) {
		return fmt.Errorf("a mirror cannot get %s", m.Share)
	}
	return t.Shares.Check()
}

// Tracks are those that requests may reach, or copies of them: stable always, as it has to take them back.
func (t Traffic) Tracks() []TrackName {
	names := append(t.Shares.Tracks(), Stable)
	for _, m := range t.Matches {
		names = append(names, m.Track)
	}
	if t.Mirror != nil {
		names = append(names, t.Mirror.Track)
	}
	slices.SortFunc(names, compareTracks)
	return slices.Compact(names)
}

// Equal reports whether two traffics send every request to the same track.
func (t Traffic) Equal(u Traffic) bool {
	same := func(a, b TrackName) bool { return t.Shares[a] == u.Shares[b] }
	for name := range t.Shares {
		if !same(name, name) {
			return false
		}
	}
	for name := range u.Shares {
		if !same(name, name) {
			return false
		}
	}
	return slices.EqualFunc(t.Matches, u.Matches, Match.equal) && equalPointer(t.Mirror, u.Mirror) && equalPointer(t.Sticky, u.Sticky)
}

// Clone is apart from what happens to the traffic later.
func (t Traffic) Clone() Traffic {
	c := Traffic{
		Shares: maps.Clone(t.Shares), Matches: slices.Clone(t.Matches), Mirror: clonePointer(t.Mirror), Sticky: clonePointer(t.Sticky),
	}
	for i, m := range c.Matches {
		c.Matches[i].Headers, c.Matches[i].Cookies = slices.Clone(m.Headers), slices.Clone(m.Cookies)
		c.Matches[i].Path = clonePointer(m.Path)
	}
	return c
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func equalPointer[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// A Match sends every request that meets all its conditions to one track.
type Match struct {
	Headers []Condition `json:"headers,omitempty"`
	Cookies []Condition `json:"cookies,omitempty"`
	Path    *Condition  `json:"path,omitempty"` // of the URL path; its Name is empty
	Track   TrackName   `json:"track"`
}

func (m Match) equal(n Match) bool {
	return m.Track == n.Track && slices.Equal(m.Headers, n.Headers) && slices.Equal(m.Cookies, n.Cookies) && equalPointer(m.Path, n.Path)
}

// String writes a match as people read it: "header X-Staff and path=/shop* to canary".
func (m Match) String() string {
	var parts []string
	for _, c := range m.Headers {
		parts = append(parts, "header "+c.String())
	}
	for _, c := range m.Cookies {
		parts = append(parts, "cookie "+c.String())
	}
	if m.Path != nil {
		parts = append(parts, "path"+m.Path.String())
	}
	return strings.Join(parts, " and ") + " to " + string(m.Track)
}

// A Condition is met by a header or cookie of that name whose value fits. How says in which way.
type Condition struct {
	Name  string `json:"name,omitempty"` // headers are compared without regard to case, cookies with
	How   How    `json:"how"`
	Value string `json:"value,omitempty"`
}

// String writes a condition: "X-A=b" is exact, "X-A=b*" a prefix, "X-A~b.*" a regular expression, "X-A" any value.
func (c Condition) String() string {
	signs := map[How]string{Exact: "=" + c.Value, Prefix: "=" + c.Value + "*", Regex: "~" + c.Value}
	return c.Name + signs[c.How]
}

// How a value is compared.
type How string

// The ways to compare. A Regex must match the whole value (RE2 syntax), as in Gateway API and Envoy.
const (
	Exact   How = "exact"
	Prefix  How = "prefix"
	Regex   How = "regex"
	Present How = "present"
)

// A Mirror copies a part of the requests to a track whose answers nobody waits for.
type Mirror struct {
	Track TrackName `json:"track"`
	Share Share     `json:"share"` // of all requests
}

// Sticky keeps a user on the track they once got. It works by bucket, not by memory: a user's cookie (or header)
// and Salt give a bucket from 0 to 999; tracks other than stable own the low buckets, in order of Tracks. A growing
// canary only adds users, nobody is sent back before its share falls, and nothing has to survive a restart.
type Sticky struct {
	Cookie string        `json:"cookie,omitempty"` // set by the router when missing
	Header string        `json:"header,omitempty"` // used instead of a cookie where given: a user id, an API key
	MaxAge time.Duration `json:"maxAge,omitempty"` // of the cookie; 0: the browser session
	Salt   string        `json:"salt,omitempty"`   // differs between releases, so that not the same users go first each time
}
