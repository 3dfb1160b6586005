package gatewayapi

import (
	"fmt"
	"slices"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// What Gateway API allows a route.
const (
	maxRules   = 16
	maxMatches = 64
	maxTotal   = 128
)

// An edit is one rule that serin writes in the place of several: its copies in front, and itself last.
type edit struct {
	found   rule // as the user wrote it
	index   int  // among the found rules of its target
	mark    string
	ordered record
	ns      string
	kind    string
	others  []rule // further rules of the route
}

// write makes the rules that stand for the found one: one for each match, nil where nothing that comes to the rule can meet
// it, and the one that splits.
func (e edit) write() ([]rule, error) {
	var rules []rule
	claims, err := e.claims()
	if err != nil {
		return nil, err
	}
	for i, c := range claims {
		matches, err := e.narrowed(c)
		if err != nil {
			return nil, err
		}
		if len(matches) == 0 {
			rules = append(rules, nil)
			continue
		}
		front := e.found.clone()
		front["name"] = fmt.Sprintf("%s%d-%d", e.mark, e.index, i)
		front.setMaps("matches", matches)
		front.setMaps("backendRefs", []map[string]any{e.ref(c.track, 1)})
		e.mirror(front, c.track)
		rules = append(rules, front)
	}
	main := e.found.clone()
	if shares, ok := main.shares(e.ordered.Services, e.ns); !ok || !equalShares(shares, e.ordered.Traffic.Shares) {
		main.setMaps("backendRefs", e.split())
	}
	e.mirror(main, "")
	return append(rules, main), nil
}

func (e edit) claims() ([]claim, error) {
	var claims []claim
	for _, m := range e.ordered.Traffic.Matches {
		c, err := newClaim(m, e.kind)
		if err != nil {
			return nil, err
		}
		claims = append(claims, c)
	}
	return claims, orderly(e.ordered.Traffic.Matches, claims)
}

// narrowed adds a claim to each match of the rule.
func (e edit) narrowed(c claim) ([]map[string]any, error) {
	if c.path != nil && e.found.prefixReplaced() {
		return nil, unfit("%s replaces the path prefix it matches, so its path cannot be narrowed", e.found.at(e.index))
	}
	own := e.found.maps("matches")
	if len(own) == 0 {
		own = []map[string]any{{}}
	}
	var all []map[string]any
	for _, m := range own {
		both, possible, err := c.narrow(m)
		if err != nil {
			return nil, err
		}
		if possible && !e.elsewhere(m, both) {
			all = append(all, both)
		}
	}
	return all, nil
}

// elsewhere reports whether another rule has the narrowed path already, by a longer path than the found rule's: a copy would
// take its requests away.
func (e edit) elsewhere(own, narrowed map[string]any) bool {
	if e.kind == grpcRoute {
		return false
	}
	for _, other := range e.others {
		for _, m := range other.maps("matches") {
			p := pathOf(m)
			if covers(p, pathOf(narrowed)) && !covers(p, pathOf(own)) {
				return true
			}
		}
	}
	return false
}

// split lists stable always, so that people see it, and the others while they get something.
func (e edit) split() []map[string]any {
	var refs []map[string]any
	places := map[string]int{}
	tracks := e.ordered.Traffic.Shares.Tracks()
	if !slices.Contains(tracks, plan.Stable) {
		tracks = append([]plan.TrackName{plan.Stable}, tracks...)
	}
	for _, track := range tracks {
		share := int64(e.ordered.Traffic.Shares[track])
		name := e.ordered.Services[track]
		if at, ok := places[name]; ok { // two tracks stand for one pool
			refs[at]["weight"] = weight(refs[at]) + share
			continue
		}
		places[name] = len(refs)
		refs = append(refs, e.ref(track, share))
	}
	return refs
}

// ref is the rule's own backendRef of the track, or a copy of stable's with the track's Service.
func (e edit) ref(track plan.TrackName, weight int64) map[string]any {
	var model map[string]any
	for _, ref := range e.found.maps("backendRefs") {
		switch name, _ := service(ref, e.ns); name {
		case e.ordered.Services[track]:
			model = ref
		case e.ordered.Services[plan.Stable]:
			if model == nil {
				model = ref
			}
		}
	}
	ref := rule(model).clone()
	ref["name"], ref["weight"] = e.ordered.Services[track], weight
	return ref
}

// mirror copies requests, but those that go to the mirror's track anyway.
func (e edit) mirror(r rule, to plan.TrackName) {
	m := e.ordered.Traffic.Mirror
	if m == nil || m.Share == 0 || m.Track == to {
		return
	}
	target := map[string]any{}
	for _, field := range []string{"group", "kind", "name", "port"} {
		if v, ok := e.ref(m.Track, 1)[field]; ok {
			target[field] = v
		}
	}
	copies := map[string]any{"backendRef": target}
	if m.Share < plan.Whole {
		copies["fraction"] = map[string]any{"numerator": int64(m.Share), "denominator": int64(plan.Whole)}
	}
	r.setMaps("filters", append(r.maps("filters"), map[string]any{"type": "RequestMirror", "requestMirror": copies}))
}

func equalShares(a, b plan.Shares) bool {
	return plan.Traffic{Shares: a}.Equal(plan.Traffic{Shares: b})
}

// tighten puts the edits of all targets on top of the user's rules, and notes them in their records. places says which of the
// rules are whose.
func tighten(rules []rule, h held, places map[string][]int, id routeID) ([]rule, error) {
	at := map[int]edit{}
	for target, list := range places {
		rec := h.Targets[target]
		rec.Edits = make([]edited, len(list))
		h.Targets[target] = rec
		for i, place := range list {
			at[place] = edit{
				found: rules[place], index: i, mark: mark(target), ordered: rec, ns: id.namespace, kind: id.kind,
				others: slices.Concat(rules[:place], rules[place+1:]),
			}
		}
	}
	var all []rule
	for i, r := range rules {
		e, ours := at[i]
		if !ours {
			all = append(all, r)
			continue
		}
		written, err := e.write()
		if err != nil {
			return nil, err
		}
		e.ordered.Edits[e.index] = edited{Found: r, Wrote: digests(written)}
		all = append(all, slices.DeleteFunc(written, func(r rule) bool { return r == nil })...)
	}
	return all, measure(all)
}

func digests(rules []rule) []string {
	all := make([]string, len(rules))
	for i, r := range rules {
		if r != nil {
			all[i] = r.digest()
		}
	}
	return all
}

// measure refuses more than a route can hold, before the API server does so in words of its own.
func measure(rules []rule) error {
	total := 0
	for i, r := range rules {
		n := len(r.maps("matches"))
		if n > maxMatches {
			return unfit("%s would have %d matches, and Gateway API allows %d", r.at(i), n, maxMatches)
		}
		total += n
	}
	switch {
	case len(rules) > maxRules:
		return unfit("the route would have %d rules, and Gateway API allows %d", len(rules), maxRules)
	case total > maxTotal:
		return unfit("the route would have %d matches, and Gateway API allows %d", total, maxTotal)
	}
	return nil
}

// unfit says that a route cannot do what was ordered.
func unfit(format string, args ...any) error {
	return &cluster.Problem{Reason: cluster.RouteUnfit, Text: fmt.Sprintf(format, args...)}
}
