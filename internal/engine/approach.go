package engine

import (
	"fmt"
	"slices"
	"strings"

	"serin.dev/serin/internal/plan"
)

// A PoolOrder is what one pool shall run now.
type PoolOrder struct {
	Pool     plan.PoolName
	Revision plan.Revision
	Replicas int
}

// Orders are what the world shall be like now: a safe state between what is seen and what the step wants.
type Orders struct {
	Pools   []PoolOrder
	Traffic plan.Traffic
	Behind  map[plan.TrackName]plan.PoolName // the pool behind each track that gets traffic
	Keep    map[string]bool                  // instances that must not be stopped yet
}

// approach returns the next safe state on the way to want, and what it waits for; nothing when want is reached.
//
// Going up it grows, waits for readiness, shifts; going down it shifts, waits until the route is acknowledged and
// drained, shrinks. Both are one rule applied to every pool alike:
//
//	traffic   no share grows beyond what the pool's ready replicas carry; one that no longer carries its share gives up
//	          the excess to stable
//	capacity  a pool keeps what its acknowledged and its ordered share need, whatever the step wants; except where there are
//	          never more instances than the full size (Fixed): there the share follows the instances anyway
//
// Towards stable, shares move as far as ready capacity allows; towards any other track they move as a whole, so that users
// meet the new version in the steps that were asked for. The settled revision is the one in production when the release
// began: it is never blamed for holding up what may replace it.
func approach(want plan.State, settled plan.Revision, seen Sight) (Orders, *plan.Waiting) {
	a := newApproach(want, settled, seen)
	traffic, behind := a.traffic()
	o := Orders{Traffic: traffic, Behind: behind, Keep: map[string]bool{}}
	o.Pools = a.capacity(traffic, behind)
	for instance := range seen.Route.Busy {
		o.Keep[instance] = true
	}
	return o, a.missing(o)
}

// An approaching holds the facts of one approach by pool.
type approaching struct {
	want    plan.State
	settled plan.Revision
	seen    Sight
	behind  map[plan.TrackName]plan.PoolName // wanted
	need    map[plan.PoolName]int            // replicas wanted
	seenAs  map[plan.PoolName]plan.Pool
	now     map[plan.PoolName]plan.Share // acknowledged
}

func newApproach(want plan.State, settled plan.Revision, seen Sight) *approaching {
	a := &approaching{
		want: want, settled: settled, seen: seen, now: seen.Route.Shares(),
		behind: map[plan.TrackName]plan.PoolName{},
		need:   map[plan.PoolName]int{},
		seenAs: map[plan.PoolName]plan.Pool{},
	}
	for _, t := range want.Tracks {
		a.behind[t.Name] = t.Pool
		a.need[t.Pool] = max(a.need[t.Pool], t.Capacity.Of(seen.Full))
	}
	for _, p := range seen.Pools {
		a.seenAs[p.Name] = p
	}
	if seen.Fixed {
		a.makeRoom()
	}
	return a
}

// makeRoom lets stable do without what the other tracks get, where a new instance takes the place of an old one.
func (a *approaching) makeRoom() {
	others := 0
	for pool, n := range a.need {
		if pool != a.behind[plan.Stable] {
			others += n
		}
	}
	stable := a.behind[plan.Stable]
	a.need[stable] = min(a.need[stable], max(0, a.seen.Full-others))
}

// traffic chooses between the wanted traffic and the present one.
func (a *approaching) traffic() (plan.Traffic, map[plan.TrackName]plan.PoolName) {
	if a.carries(a.want.Traffic) {
		return a.want.Traffic, a.behind
	}
	if len(a.now) == 0 { // nobody knows where requests go: a route that was handed back, or never ordered
		return plan.Traffic{Shares: plan.Shares{plan.Stable: a.want.Traffic.Shares.Sum()}, Sticky: a.want.Traffic.Sticky}, a.behind
	}
	if a.homeward() && a.sameTracks() {
		back := a.want.Traffic
		back.Shares = a.partly(a.want.Traffic.Shares)
		return back, a.behind
	}
	present := a.seen.Route.Traffic
	present.Shares = a.relieved(present.Shares)
	return present, a.seen.Route.Pools
}

// homeward reports whether stable is to get more than it has.
func (a *approaching) homeward() bool {
	return a.want.Traffic.Shares[plan.Stable] > a.now[a.behind[plan.Stable]]
}

// carries reports whether every track is ready for its part. Stable needs no leave for a part that does not grow, as long
// as it answers at all: when it is short, its users are not pushed onto a canary.
func (a *approaching) carries(t plan.Traffic) bool {
	shares := map[plan.PoolName]plan.Share{}
	for track, share := range t.Shares {
		shares[a.behind[track]] += share
	}
	for pool, share := range shares {
		if share <= a.limit(pool) || share == 0 {
			continue
		}
		if pool != a.behind[plan.Stable] || share > a.now[pool] || a.ready(pool) == 0 && a.anyReady() {
			return false
		}
	}
	for _, m := range t.Matches {
		if p := a.behind[m.Track]; a.ready(p) < max(1, a.need[p]) {
			return false
		}
	}
	return t.Mirror == nil || a.ready(a.behind[t.Mirror.Track]) > 0
}

// limit is the share that the pool's ready replicas carry.
func (a *approaching) limit(pool plan.PoolName) plan.Share {
	return min(plan.Whole, plan.Share(a.ready(pool)*int(plan.Whole)/max(1, a.seen.Full)))
}

func (a *approaching) ready(pool plan.PoolName) int { return a.seenAs[pool].Ready }

// anyReady reports whether anything answers at all.
func (a *approaching) anyReady() bool {
	for _, p := range a.seenAs {
		if p.Ready > 0 {
			return true
		}
	}
	return false
}

// sameTracks reports whether the tracks with traffic stand for the same pools now and as wanted.
func (a *approaching) sameTracks() bool {
	for _, track := range a.seen.Route.Traffic.Shares.Tracks() {
		if pool, ok := a.behind[track]; ok && pool != a.seen.Route.Pool(track) {
			return false
		}
	}
	return true
}

// partly moves from the present shares towards the wanted ones as far as ready capacity allows; what stable cannot take
// yet stays where it is, if that is still ready.
func (a *approaching) partly(want plan.Shares) plan.Shares {
	got := plan.Shares{}
	rest := plan.Whole
	for _, track := range want.Tracks() {
		pool := a.behind[track]
		got[track] = min(want[track], max(a.limit(pool), a.now[pool]))
		rest -= got[track]
	}
	for _, track := range a.seen.Route.Traffic.Shares.Tracks() {
		pool := a.seen.Route.Pool(track)
		stays := min(rest, max(0, a.now[pool]-got[track]), max(0, a.limit(pool)-got[track]))
		if stays > 0 {
			got[track] += stays
			a.behind[track] = pool
			rest -= stays
		}
	}
	if rest > 0 {
		got[a.bearer(want)] += rest
	}
	return got
}

// bearer is the track that takes what nobody has room for: overloaded is better than sent nowhere.
func (a *approaching) bearer(want plan.Shares) plan.TrackName {
	for _, track := range want.Tracks() {
		if a.ready(a.behind[track]) > 0 {
			return track
		}
	}
	for _, track := range a.seen.Route.Traffic.Shares.Tracks() {
		if pool := a.seen.Route.Pool(track); a.ready(pool) > 0 {
			a.behind[track] = pool
			return track
		}
	}
	return want.Tracks()[0]
}

// relieved takes from each track but stable what its ready replicas no longer carry and gives it to stable; where stable
// has nothing ready, to the track with the most. A short stable does not push traffic onto a canary that still has its own.
func (a *approaching) relieved(shares plan.Shares) plan.Shares {
	got := plan.Shares{}
	var excess plan.Share
	for track, share := range shares {
		pool := a.seen.Route.Pool(track)
		carried := min(share, a.limit(pool))
		if track == plan.Stable && a.ready(pool) > 0 {
			carried = share
		}
		got[track] = carried
		excess += share - carried
	}
	if excess == 0 {
		return shares
	}
	heir := a.heir(shares)
	if a.ready(a.seen.Route.Pool(heir)) == 0 {
		return shares // nobody can take it; requests wait at the router
	}
	got[heir] += excess
	return got
}

func (a *approaching) heir(shares plan.Shares) plan.TrackName {
	heir := plan.Stable
	for _, track := range slices.Sorted(keys(shares)) {
		best := a.ready(a.seen.Route.Pool(heir))
		if best > 0 && heir == plan.Stable {
			break
		}
		if a.ready(a.seen.Route.Pool(track)) > best {
			heir = track
		}
	}
	return heir
}

// capacity orders for every pool what the step wants, but never less than its traffic needs: the acknowledged share as
// well as the ordered one, and while an order is not acknowledged nothing shrinks at all.
func (a *approaching) capacity(next plan.Traffic, behind map[plan.TrackName]plan.PoolName) []PoolOrder {
	ordered := plan.Route{Traffic: next, Pools: behind}.Shares()
	names := map[plan.PoolName]plan.Revision{}
	for _, p := range a.seen.Pools {
		names[p.Name] = p.Revision
	}
	for _, t := range a.want.Tracks {
		names[t.Pool] = t.Revision
	}
	var orders []PoolOrder
	for _, name := range slices.Sorted(keys(names)) {
		n := a.need[name]
		have := a.seenAs[name].Wanted
		carry := plan.Capacity{Share: max(a.now[name], ordered[name])}.Of(a.seen.Full)
		if n < have && (a.seen.Route.Pending != "" || a.special(name)) {
			n = have
		}
		if n = max(n, carry); a.seen.Fixed {
			n = a.need[name] // the place of an instance that stays is one that never comes
		}
		if n > 0 || have > 0 || a.seenAs[name].Running > 0 {
			orders = append(orders, PoolOrder{Pool: name, Revision: names[name], Replicas: n})
		}
	}
	return orders
}

// special reports whether the acknowledged route sends matched or mirrored requests to the pool that the step no longer does.
func (a *approaching) special(pool plan.PoolName) bool {
	t := a.seen.Route.Traffic
	for _, m := range t.Matches {
		if a.seen.Route.Pool(m.Track) == pool {
			return !t.Equal(a.want.Traffic)
		}
	}
	return t.Mirror != nil && a.seen.Route.Pool(t.Mirror.Track) == pool && !t.Equal(a.want.Traffic)
}

// missing names the first thing that still separates what is seen from what is wanted.
func (a *approaching) missing(o Orders) *plan.Waiting {
	if short := a.short(); short != "" {
		return &plan.Waiting{For: "readiness", Text: short}
	}
	if w := a.routing(); w != nil {
		return w
	}
	var leaving []string
	for _, p := range a.seen.Pools {
		if n := surplus(p, a.need[p.Name]); n > 0 {
			leaving = append(leaving, fmt.Sprintf("%s (%d of %d replicas still there)", p.Name, n, p.Running))
		}
	}
	if len(leaving) > 0 {
		return &plan.Waiting{For: "drain", Text: "requests under way finish before replicas go: " + strings.Join(leaving, ", ")}
	}
	return nil
}

// surplus counts replicas that have to go or are going. Fixed upstreams are as many as they are: those that take requests
// and are asked for are no surplus.
func surplus(p plan.Pool, need int) int {
	if p.Wanted > need {
		return p.Running - need
	}
	return p.Running - max(need, len(p.Endpoints))
}

// short tells which tracks lack ready replicas.
func (a *approaching) short() string {
	var texts []string
	for _, t := range a.want.Tracks {
		if a.enough(t) {
			continue
		}
		pool := a.seenAs[t.Pool]
		text := fmt.Sprintf("%s %s has %d of %d replicas ready", t.Name, t.Revision, pool.Updated, t.Capacity.Of(a.seen.Full))
		if pool.Trouble != "" {
			text += ": " + pool.Trouble
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// enough reports whether the track's replicas are there. The settled revision only has to be asked for, and to answer
// where it gets requests: a sick stable must not keep the release that may cure it from moving.
func (a *approaching) enough(t plan.Track) bool {
	pool, need := a.seenAs[t.Pool], min(t.Capacity.Of(a.seen.Full), a.need[t.Pool])
	if pool.Wanted < need || pool.Revision != t.Revision && need > 0 {
		return false
	}
	if t.Revision == a.settled && a.now[t.Pool] >= a.want.Traffic.Shares[t.Name] {
		return pool.Ready > 0 || a.want.Traffic.Shares[t.Name] == 0 || need == 0
	}
	return pool.Updated >= need
}

func (a *approaching) routing() *plan.Waiting {
	r := a.seen.Route
	if r.Pending != "" {
		return &plan.Waiting{For: "route", Text: r.Pending}
	}
	if !r.Traffic.Equal(a.want.Traffic) {
		return &plan.Waiting{For: "route", Text: "the route does not follow yet"}
	}
	for track := range a.want.Traffic.Shares {
		if a.want.Traffic.Shares[track] > 0 && r.Pool(track) != a.behind[track] {
			return &plan.Waiting{For: "route", Text: fmt.Sprintf("the route still sends %s to %s", track, r.Pool(track))}
		}
	}
	return nil
}
