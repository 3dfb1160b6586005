package proxy

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// A table is what an order means, ready to be followed. It never changes; a new order makes a new table.
type table struct {
	order  router.Order // as given, for Observe
	config *config
	claims []claim
	split  []slice // tracks with a share, stable first
	tracks map[plan.TrackName]*track
	glue   *glue // nil: not sticky
	mirror *mirror

	instances  map[string]*instance
	superseded chan struct{} // closed when another table took over
}

// A track is a set of instances that are the same to the user.
type track struct {
	name      plan.TrackName
	instances []*instance
}

// A slice is the share of a track; upTo is where it ends when all slices are laid end to end.
type slice struct {
	track *track
	share int
	upTo  int
}

// A mirror copies a share of requests to a track.
type mirror struct {
	track *track
	share int
}

// newTable compiles an order. It has no effect but through find, which returns the instance of a name and URL, known or
// new.
func newTable(o router.Order, c *config, find func(name, url string) (*instance, error)) (*table, error) {
	t := &table{
		order: o, config: c,
		tracks:     map[plan.TrackName]*track{},
		instances:  map[string]*instance{},
		superseded: make(chan struct{}),
	}
	for _, name := range slices.Sorted(maps.Keys(o.Endpoints)) {
		if err := t.addTrack(name, o.Endpoints[name], find); err != nil {
			return nil, fmt.Errorf("track %s: %w", name, err)
		}
	}
	if err := t.addShares(o.Traffic.Shares); err != nil {
		return nil, err
	}
	for i, m := range o.Traffic.Matches {
		claim, err := compileMatch(m)
		if err != nil {
			return nil, fmt.Errorf("matches[%d]: %w", i, err)
		}
		claim.track = t.track(m.Track)
		t.claims = append(t.claims, claim)
	}
	if m := o.Traffic.Mirror; m != nil {
		if m.Share < 0 || m.Share > plan.Whole {
			return nil, fmt.Errorf("mirror: a share of %s is not possible", m.Share)
		}
		t.mirror = &mirror{track: t.track(m.Track), share: int(m.Share)}
	}
	if s := o.Traffic.Sticky; s != nil {
		var err error
		if t.glue, err = newGlue(*s, t.split); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *table) addTrack(name plan.TrackName, endpoints []plan.Endpoint, find func(name, url string) (*instance, error)) error {
	tr := t.track(name)
	for _, e := range endpoints {
		if e.Instance == "" {
			return fmt.Errorf("instance at %s has no name", e.URL)
		}
		in, err := find(e.Instance, e.URL)
		if err != nil {
			return err
		}
		if other, ok := t.instances[e.Instance]; ok && other.url.String() != in.url.String() {
			return fmt.Errorf("instance %s is at %s and at %s", e.Instance, other.url, in.url)
		} else if ok {
			in = other
		}
		t.instances[e.Instance] = in
		tr.instances = append(tr.instances, in)
	}
	return nil
}

// addShares refuses what is not a whole split. No shares at all is allowed: nobody gets anything.
func (t *table) addShares(shares plan.Shares) error {
	if err := shares.Check(); err != nil {
		return err
	}
	end := 0
	for _, name := range shares.Tracks() {
		end += int(shares[name])
		t.split = append(t.split, slice{track: t.track(name), share: int(shares[name]), upTo: end})
	}
	return nil
}

// track returns the named track, made when missing: a track may get its instances with a later order.
func (t *table) track(name plan.TrackName) *track {
	if _, ok := t.tracks[name]; !ok {
		t.tracks[name] = &track{name: name}
	}
	return t.tracks[name]
}

// A way is where a request goes.
type way struct {
	track  *track       // nil: nobody has a share
	spare  *track       // who answers when nobody of the track can be reached; nil: nobody may
	cookie *http.Cookie // to be set on the answer
}

// choose finds the way of a request. The same roll, from 0 to 999, gives the same way for as long as the table stands.
func (t *table) choose(r *http.Request, roll int, secure bool) way {
	for i := range t.claims {
		if t.claims[i].claims(r) {
			return way{track: t.claims[i].track}
		}
	}
	var w way
	if t.glue != nil && len(t.split) > 1 {
		w.track, w.cookie = t.glue.track(r, secure)
	}
	if w.track == nil {
		w.track = t.drawn(roll)
	}
	if len(t.split) > 1 && t.split[0].track.name == plan.Stable && w.track.name != plan.Stable {
		w.spare = t.split[0].track
	}
	return w
}

func (t *table) drawn(roll int) *track {
	for i := range t.split {
		if roll < t.split[i].upTo {
			return t.split[i].track
		}
	}
	return nil
}

func roll() int { return rand.IntN(int(plan.Whole)) }

// errNobody explains the answer to a request that waited in vain.
var errNobody = errors.New("no instance is ready")
