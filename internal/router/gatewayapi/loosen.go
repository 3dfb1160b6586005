package gatewayapi

import (
	"reflect"
	"strings"

	"serin.dev/serin/internal/plan"
)

// loose is a route without serin: the rules as the user wants them now, and where the edits of each target were.
type loose struct {
	rules []rule
	// found says for each edit of a target which of the rules it was made on, and what stands there.
	found map[string][]sighting
}

// A sighting is what became of an edit.
type sighting struct {
	place  int    // among the loose rules; -1: the rule is gone
	live   rule   // the rule that splits, as it stands
	fronts []bool // for each match of the order, whether its rule in front still stands
}

// intact reports whether the edit stands as it was written.
func (s sighting) intact(e edited) bool {
	for i, stands := range s.fronts {
		if !stands && e.Wrote[i] != "" {
			return false
		}
	}
	return s.place >= 0 && s.live.digest() == e.Wrote[len(e.Wrote)-1]
}

// loosen takes serin's edits out of the rules. An edit that stands gives way to the rule that was found. In a rule that
// others have changed meanwhile only serin's Services and mirrors give way, and what others wrote stays.
func loosen(live []rule, h held) loose {
	l := loose{found: map[string][]sighting{}}
	parts := written(h)
	for _, target := range h.Names() {
		for _, e := range h.Targets[target].Edits {
			l.found[target] = append(l.found[target], sighting{place: -1, fronts: make([]bool, max(0, len(e.Wrote)-1))})
		}
	}
	var unknown []int // loose rules that nobody wrote here
	for _, r := range live {
		digest := r.digest()
		if list := parts[digest]; len(list) > 0 {
			l.claim(r, list[0], h)
			parts[digest] = list[1:]
			continue
		}
		if l.marked(r) {
			continue
		}
		unknown = append(unknown, len(l.rules))
		l.rules = append(l.rules, r)
	}
	for _, target := range h.Names() {
		for i := range l.found[target] {
			if l.found[target][i].place < 0 {
				unknown = l.recognise(target, i, h.Targets[target], unknown)
			}
		}
	}
	return l
}

// A part is one of the rules that were written for an edit.
type part struct {
	target     string
	edit, rule int
	last       bool // the one that splits
}

func written(h held) map[string][]part {
	parts := map[string][]part{}
	for _, target := range h.Names() {
		for i, e := range h.Targets[target].Edits {
			for j, digest := range e.Wrote {
				parts[digest] = append(parts[digest], part{target, i, j, j == len(e.Wrote)-1})
			}
		}
	}
	return parts
}

func (l *loose) claim(live rule, p part, h held) {
	s := &l.found[p.target][p.edit]
	if !p.last {
		s.fronts[p.rule] = true
		return
	}
	s.place, s.live = len(l.rules), live
	l.rules = append(l.rules, h.Targets[p.target].Edits[p.edit].Found)
}

// marked reports whether a rule has a name that only serin gives.
func (l *loose) marked(r rule) bool {
	for target := range l.found {
		if strings.HasPrefix(r.name(), mark(target)) {
			return true
		}
	}
	return false
}

// recognise looks for the rule of an edit among those that others have changed, and returns those that are left.
func (l *loose) recognise(target string, index int, rec record, unknown []int) []int {
	found := rec.Edits[index].Found
	alike := []func(rule) bool{
		func(r rule) bool { return r.name() != "" && r.name() == found.name() },
		func(r rule) bool {
			return r.name() == found.name() && reflect.DeepEqual(r["matches"], found["matches"])
		},
		func(r rule) bool { return r.name() == found.name() && rec.Services.reached(r) },
	}
	for _, is := range alike {
		for i, place := range unknown {
			if r := l.rules[place]; is(r) {
				s := &l.found[target][index]
				s.place, s.live = place, r
				l.rules[place] = rec.without(r, found)
				return append(unknown[:i:i], unknown[i+1:]...)
			}
		}
	}
	return unknown
}

// reached reports whether a rule sends to a track other than stable.
func (s services) reached(r rule) bool {
	for _, ref := range r.maps("backendRefs") {
		if track, ok := s.track(text(ref, "name")); ok && track != plan.Stable {
			return true
		}
	}
	return false
}

// without takes out of a changed rule what serin has put into the found one.
func (r record) without(changed, found rule) rule {
	clean := changed.clone()
	if r.Services.reached(clean) {
		clean.setMaps("backendRefs", found.clone().maps("backendRefs"))
	}
	if r.Traffic.Mirror == nil {
		return clean
	}
	var keep []map[string]any
	for _, f := range clean.maps("filters") {
		if !r.copies(f) || contains(found.maps("filters"), f) {
			keep = append(keep, f)
		}
	}
	clean.setMaps("filters", keep)
	return clean
}

// copies reports whether a filter mirrors to the track that the order mirrors to.
func (r record) copies(filter map[string]any) bool {
	mirror, ok := filter["requestMirror"].(map[string]any)
	if !ok || r.Traffic.Mirror == nil {
		return false
	}
	ref, _ := mirror["backendRef"].(map[string]any)
	return text(ref, "name") == r.Services[r.Traffic.Mirror.Track]
}

func contains(all []map[string]any, one map[string]any) bool {
	for _, m := range all {
		if reflect.DeepEqual(m, one) {
			return true
		}
	}
	return false
}
