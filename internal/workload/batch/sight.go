package batch

import (
	"slices"

	"serin.dev/serin/internal/plan"
)

// sight tells a kind what there is, given what is wanted.
//
// A release that goes on must make its pods from a template that is fixed; so must one that goes back, and then also pods
// of the right revision go whose originals have changed under them. A set at rest is left alone: what the user wrote may
// stand in its spec while pods that come from it are of the revision that is wanted.
func (t *target) sight(want map[plan.Revision]int) Sight {
	whole := alone(want)
	rest := whole != "" && !slices.ContainsFunc(t.members, func(m Member) bool { return m.Revision != whole })
	given := t.insisted() && !t.template.stale // somebody insists on the user's own template: serin gives way
	s := Sight{
		Template: t.template.revision, Current: t.outdated(t.current, whole, rest), Asked: t.wish.revision, Instead: t.instead(),
	}
	if t.template.loose && !given && (!rest || t.template.stale || t.template.revision != whole) {
		s.Template = loose(t.template.revision)
	}
	if t.set.Current() == "" {
		s.Current = s.Template
	}
	for _, m := range t.members {
		m.Revision = t.outdated(m.form, whole, rest)
		s.Members = append(s.Members, m)
	}
	s.Rest = rest && t.wish.revision == whole && !slices.ContainsFunc(s.Members, func(m Member) bool { return m.Revision != whole })
	return s
}

// outdated is the revision of a form, marked where its pods have to go although it is the wanted one: what they read has
// changed, and the set is going back, or has begun to.
func (t *target) outdated(f form, whole plan.Revision, rest bool) plan.Revision {
	if f.stale && f.revision == whole && (!rest || !t.template.loose && t.template.revision == whole) {
		return loose(f.revision)
	}
	return f.revision
}

// loose marks a revision whose pods read what they should not.
func loose(r plan.Revision) plan.Revision { return r + "*" }

// alone is the only revision that is wanted; "" where several are.
func alone(want map[plan.Revision]int) plan.Revision {
	only := plan.Revision("")
	for r, n := range want {
		switch {
		case n == 0:
		case only != "":
			return ""
		default:
			only = r
		}
	}
	return only
}
