package istio

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// mine begins the name of every route that serin puts in front of a user's.
const mine = "serin-"

var fronts = regexp.MustCompile(`^` + mine + `[0-9a-f]{8}-\d+-\d+$`)

// An edit is what serin changed in one route: where it sends to, and what it mirrors.
type edit struct {
	Protocol string `json:"protocol"`
	Route    string `json:"route"` // its name and matches, to tell it from another that was split alike
	Found    parts  `json:"found"`
	Wrote    parts  `json:"wrote"`
}

// Parts are the fields of a route that serin edits.
type parts map[string]any

var (
	split   = []string{"route"}
	mirrors = []string{"mirror", "mirrors", "mirrorPercentage", "mirrorPercent", "mirror_percent"}
)

func partsOf(r route, fields []string) parts {
	p := parts{}
	for _, name := range fields {
		if value, ok := r[name]; ok {
			p[name] = value
		}
	}
	return p
}

func (p parts) of(fields []string) parts { return partsOf(route(p), fields) }

// put replaces fields of a route by these.
func (p parts) put(r route, fields []string) {
	for _, name := range fields {
		delete(r, name)
	}
	maps.Copy(r, p.of(fields))
}

// A loosening is a VirtualService without serin's edits.
type loosening struct {
	live   section          // without serin's own routes, as they are: the same indices as user
	user   section          // as the user wants them
	fronts map[string]route // serin's own, by name
}

// loosen takes the edits of all targets out. An edit that is not found any more has been overwritten, and so the route is what
// its owner wants now.
func loosen(all section, h held) loosening {
	l := loosening{live: section{}, user: section{}, fronts: map[string]route{}}
	for protocol, routes := range all {
		l.live[protocol], l.user[protocol] = []route{}, []route{}
		for _, r := range routes {
			if fronts.MatchString(r.name()) {
				l.fronts[r.name()] = r
				continue
			}
			l.live[protocol] = append(l.live[protocol], r)
			l.user[protocol] = append(l.user[protocol], r.copy())
		}
	}
	done := map[string]bool{}
	for _, target := range h.Names() {
		for _, e := range h.Targets[target].Edits {
			if i := e.find(l.live[e.Protocol], done); i >= 0 {
				done[e.Protocol+strconv.Itoa(i)] = true
				r := l.user[e.Protocol][i]
				e.Found.put(r, split)
				if same(e.Wrote.of(mirrors), partsOf(r, mirrors)) {
					e.Found.put(r, mirrors)
				}
			}
		}
	}
	return l
}

// find looks for the route that was edited: one that is split as serin wrote it, preferably the very one. One that sends to a
// destination which serin added is serin's work still, whatever somebody made of the weights; without serin nothing may be there.
func (e edit) find(routes []route, done map[string]bool) int {
	best := -1
	added := e.added()
	for i, r := range routes {
		if done[e.Protocol+strconv.Itoa(i)] || !same(e.Wrote.of(split), partsOf(r, split)) && !r.sendsTo(added) {
			continue
		}
		if e.Route == identity(r) {
			return i
		}
		if best < 0 {
			best = i
		}
	}
	return best
}

// added lists the destinations that the user's route did not have.
func (e edit) added() []any {
	var all []any
	for _, d := range route(e.Wrote).destinations() {
		if !route(e.Found).sendsTo([]any{d["destination"]}) {
			all = append(all, d["destination"])
		}
	}
	return all
}

// sendsTo reports whether a route has any of these destinations.
func (r route) sendsTo(to []any) bool {
	return slices.ContainsFunc(r.destinations(), func(d map[string]any) bool {
		return slices.ContainsFunc(to, func(one any) bool { return same(d["destination"], one) })
	})
}

func identity(r route) string { return fmt.Sprint(r.name(), r["match"]) }

// tighten puts the edits of all targets on top of what the user wants, and notes them in the records. The target that is
// ordered must fit; of another one the routes may have gone.
func tighten(user section, h held, id types.NamespacedName, ordered string) (section, error) {
	all := section{}
	for protocol, routes := range user {
		all[protocol] = slices.Clone(routes)
	}
	before := map[string]map[int][]route{} // what stands in front, by protocol and index
	owner := map[string]string{}
	for _, target := range h.Names() {
		rec := h.Targets[target]
		rec.Edits = nil
		s, err := decode(rec.With)
		if err != nil {
			return nil, fmt.Errorf("settings of %s: %w", target, err)
		}
		c := newCompass(id.Namespace, rec.Services, s)
		picked, err := c.pick(user[s.Protocol], s, "VirtualService "+id.String())
		if err != nil && target == ordered {
			return nil, err
		}
		for n, i := range picked {
			place := s.Protocol + strconv.Itoa(i)
			if other, ok := owner[place]; ok {
				return nil, &cluster.Problem{
					Reason: cluster.RouteTaken, Field: field("routes"),
					Text:   fmt.Sprintf("%s of VirtualService %s is released for %s", at(s.Protocol, i, user[s.Protocol][i]), id, other),
					Remedy: "wait until that is over, or name other routes",
				}
			}
			owner[place] = target
			r := user[s.Protocol][i]
			edited, err := c.edited(r, rec.Traffic)
			if err != nil {
				return nil, err
			}
			front, err := c.inFront(r, edited, rec.Traffic, mark(target)+strconv.Itoa(n)+"-")
			if err != nil {
				return nil, err
			}
			if before[s.Protocol] == nil {
				before[s.Protocol] = map[int][]route{}
			}
			before[s.Protocol][i] = front
			all[s.Protocol][i] = edited
			fields := slices.Concat(split, mirrors)
			rec.Edits = append(rec.Edits, edit{s.Protocol, identity(r), partsOf(r, fields), partsOf(edited, fields)})
		}
		h.Targets[target] = rec
	}
	for protocol, routes := range all {
		whole := []route{}
		for i, r := range routes {
			whole = append(append(whole, before[protocol][i]...), r)
		}
		all[protocol] = whole
	}
	return all, nil
}

// edited is a route that splits its requests as ordered.
func (c compass) edited(r route, t plan.Traffic) (route, error) {
	e := r.copy()
	scale := plan.Share(10) // whole per cent, where that says it all
	for _, share := range t.Shares {
		if share%scale != 0 {
			scale = 1
		}
	}
	var list []any
	there := map[plan.TrackName]bool{}
	for _, d := range e.destinations() {
		track, _ := c.track(d)
		d["weight"] = int64(t.Shares[track] / scale)
		there[track] = true
		list = append(list, d)
	}
	for _, track := range t.Shares.Tracks() {
		if !there[track] {
			d := c.destination(r, track)
			d["weight"] = int64(t.Shares[track] / scale)
			list = append(list, d)
		}
	}
	e["route"] = list
	if t.Mirror != nil && t.Mirror.Share > 0 {
		c.mirror(r, e, *t.Mirror)
	}
	return e, nil
}

// destination is where a track is reached: as the route says, or like stable but for the name.
func (c compass) destination(r route, track plan.TrackName) map[string]any {
	var like map[string]any
	for _, d := range r.destinations() {
		if found, _ := c.track(d); found == track {
			return unstructuredCopy(d)
		} else if found == plan.Stable {
			like = d
		}
	}
	d := unstructuredCopy(like)
	to := d["destination"].(map[string]any) // fit has seen that stable's host is one of ours
	if c.subsets != nil {
		to["subset"] = c.subsets[track]
		return d
	}
	delete(to, "subset") // is of stable's host alone
	to["host"] = c.services[track] + strings.TrimPrefix(to["host"].(string), c.services[plan.Stable])
	return d
}

// mirror copies a part of the requests to a track, beside what the user mirrors already.
func (c compass) mirror(found, e route, m plan.Mirror) {
	to := c.destination(found, m.Track)["destination"]
	part := map[string]any{"value": m.Share.Percent()}
	if m.Share%10 == 0 {
		part["value"] = int64(m.Share / 10) // as the API server gives it back
	}
	first, single := e["mirror"].(map[string]any)
	list, several := e["mirrors"].([]any)
	if !single && !several {
		e["mirror"], e["mirrorPercentage"] = to, part
		return
	}
	if single { // Istio takes one form or the other
		other := map[string]any{"destination": first}
		if p, ok := e["mirrorPercentage"]; ok {
			other["percentage"] = p
		} else if n, ok := number(e["mirrorPercent"]); ok {
			other["percentage"] = map[string]any{"value": n}
		} else if n, ok := number(e["mirror_percent"]); ok {
			other["percentage"] = map[string]any{"value": n}
		}
		for _, name := range mirrors {
			delete(e, name)
		}
		list = []any{other}
	}
	e["mirrors"] = append(slices.Clone(list), map[string]any{"destination": to, "percentage": part})
}

// inFront makes the routes for the order's matches, in its order. A match that no request of the route can meet has none.
func (c compass) inFront(found, edited route, t plan.Traffic, prefix string) ([]route, error) {
	var all []route
	for i, m := range t.Matches {
		matches, err := both(found["match"], m)
		if err != nil {
			return nil, err
		}
		if len(matches) == 0 {
			continue
		}
		front := edited.copy()
		d := c.destination(found, m.Track)
		delete(d, "weight")
		front["name"], front["match"], front["route"] = prefix+strconv.Itoa(i), matches, []any{d}
		all = append(all, front)
	}
	return all, nil
}
