package native

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect"
	"serin.dev/serin/internal/plan"
)

// lower says a Canary in the words of package compile. What it has to refuse goes to the notes; the draft is then not used.
func (w *world) lower(c canary) compile.Draft {
	d := compile.Draft{
		Name: c.Metadata.Name, Namespace: c.Metadata.Namespace, Origin: c.at("metadata.name"),
		Groups: c.Spec.Groups, StratAt: c.at("spec.strategy"),
	}
	if c.has("status") {
		w.notes.Warn(c.at("status"), "status is serin's to write and is passed over")
	}
	if !c.has("spec") {
		w.notes.Refuse(c.at("spec"), "the Canary has no spec; the smallest is {target: {kind: Process, name: NAME}}")
		return d
	}
	t, found := w.claim(c)
	if found {
		d.Target = t.Target
	}
	d.Strategy = w.strategy(c)
	w.traffic(c, &d)
	w.analyses(c, &d)
	w.waits(c, &d)
	w.groups(c)
	d.Moves = w.moves(c, d.Strategy)
	d.Hooks = w.hooks(c)
	w.callApart(c, &d)
	if found {
		w.fixedPort(c, t, d)
	}
	return d
}

// strategy reads the word and the settings that belong to it.
func (w *world) strategy(c canary) compile.Strategy {
	s := compile.Strategy(c.Spec.Strategy)
	if s == "" {
		s = compile.Weighted
	}
	if !slices.Contains(compile.Strategies(), s) {
		var words []string
		for _, known := range compile.Strategies() {
			words = append(words, string(known))
		}
		w.notes.Refuse(c.at("spec.strategy"), "unknown strategy %s%s", s, suggest(string(s), words))
	}
	if s != compile.Rolling && c.Spec.Rolling != nil {
		w.notes.Refuse(c.at("spec.rolling"), "these settings belong to strategy rolling, and the strategy is %s", s)
	}
	return s
}

// traffic reads who splits the requests.
func (w *world) traffic(c canary, d *compile.Draft) {
	given := c.Spec.Traffic
	if given == nil {
		given = &v1alpha1.Traffic{}
	}
	usual := cmp.Or(w.known.Workloads[c.Spec.Target.Kind].Router, "proxy")
	d.Router, d.RouterAt = w.use(c.places, choice{"router", "spec.traffic", given.Router, w.known.Routers, usual, []string{"sticky"}})
	if given.Sticky == nil {
		return
	}
	d.StickyAt = c.at("spec.traffic.sticky")
	s := given.Sticky
	if (s.Cookie == "") == (s.Header == "") {
		w.notes.Refuse(d.StickyAt, "give exactly one of cookie and header")
	}
	if s.Header != "" && s.MaxAge != "" {
		w.notes.Refuse(c.at("spec.traffic.sticky.maxAge"), "only a cookie has an age")
	}
	for field, name := range map[string]string{"cookie": s.Cookie, "header": s.Header} {
		if name != "" && !token.MatchString(name) {
			w.notes.Refuse(c.at("spec.traffic.sticky."+field), "%q cannot be the name of a %s", name, field)
		}
	}
	d.Sticky = &plan.Sticky{Cookie: s.Cookie, Header: s.Header, MaxAge: read(s.MaxAge)}
}

// analyses reads what is counted and who judges it.
func (w *world) analyses(c canary, d *compile.Draft) {
	metrics := c.Spec.Metrics
	if metrics == nil {
		metrics = &v1alpha1.Metrics{}
	}
	usual := cmp.Or(w.known.Workloads[c.Spec.Target.Kind].Metrics, "proxy")
	source, _ := w.use(c.places, choice{"metric store", "spec.metrics", metrics.Source, w.known.Metrics, usual, []string{"every"}})
	every := 5 * time.Second
	if metrics.Every != "" {
		if every = read(metrics.Every); every < 100*time.Millisecond {
			w.notes.Refuse(c.at("spec.metrics.every"), "%s is less than 100ms between two looks", metrics.Every)
		}
	}
	judge, queries, ok := w.judge(c, source)
	if !ok {
		return
	}
	d.Analyses = []plan.Analysis{{Name: judge.Kind, Origin: c.at("spec.judge"), Every: every, Source: source, Judge: judge, Queries: queries}}
}

// judge reads the judge, its settings and whom it asks; false when there is none.
func (w *world) judge(c canary, source plan.Use) (plan.Use, []plan.Query, bool) {
	given := c.Spec.Judge
	if given == nil {
		given = &v1alpha1.Judge{}
	}
	use := plan.Use{Kind: "sequential"}
	if given.Kind != "" {
		use.Kind = given.Kind
	}
	if use.Kind == "none" {
		for _, name := range slices.Sorted(maps.Keys(given.Settings)) {
			w.notes.Refuse(c.at("spec.judge."+name), "judge none has no settings")
		}
		return use, nil, false
	}
	driver, known := w.known.Judges[use.Kind]
	if !known {
		w.notes.Refuse(c.at("spec.judge.kind"), "unknown judge %s%s", use.Kind, suggest(use.Kind, append(slices.Collect(maps.Keys(w.known.Judges)), "none")))
		return use, nil, false
	}
	settings, sources := given.Settings, []plan.Use(nil)
	if driver.Asks != nil {
		settings, sources = w.sources(c, settings, source)
	}
	if len(settings) > 0 {
		use.With = canonical(settings)
	}
	before := len(*w.notes)
	w.checkWith(driver.Check, use.With, c.places, "spec.judge")
	if driver.Asks == nil || (*w.notes)[before:].Err() {
		return use, nil, true
	}
	return use, w.queries(c, driver, use.With, sources, source), true
}

// waits reads the deadlines.
func (w *world) waits(c canary, d *compile.Draft) {
	if c.Spec.ProgressDeadline != "" {
		d.Deadline = w.positive(c, "spec.progressDeadline", c.Spec.ProgressDeadline)
	}
	if c.Spec.Insufficient != nil && c.Spec.Insufficient.Within != "" {
		d.Patience = w.positive(c, "spec.insufficient.within", c.Spec.Insufficient.Within)
	}
}

func (w *world) positive(c canary, path string, text v1alpha1.Duration) time.Duration {
	d := read(text)
	if d == 0 {
		w.notes.Refuse(c.at(path), "must be more than nothing; leave it out for the default")
	}
	return d
}

// groups refuses groups in which nobody is.
func (w *world) groups(c canary) {
	for _, name := range slices.Sorted(maps.Keys(c.Spec.Groups)) {
		if len(c.Spec.Groups[name]) == 0 {
			w.notes.Refuse(c.at("spec.groups."+name), "nobody is in group %s", name)
		}
	}
}

// fixedPort refuses what a process that insists on its port cannot do.
func (w *world) fixedPort(c canary, t *target, d compile.Draft) {
	at := t.at("spec.port")
	switch {
	case t.port == 0:
	case t.Replicas > 1:
		w.notes.Refuse(at, "%d replicas cannot all have port %d; let the command use $(PORT)", t.Replicas, t.port)
	case d.Strategy != compile.Recreate:
		w.notes.Refuse(at, "two revisions cannot have port %d at the same time; let the command use $(PORT), or choose strategy recreate in %s", t.port, c.object())
	case len(d.Moves) > 0:
		w.notes.Refuse(d.Moves[0].Origin, "with the fixed port %d there is no way back once the new revision runs, so steps make no sense; let the command use $(PORT)", t.port)
	}
}

// A choice is one entry of a mapping that names a back end.
type choice struct {
	what     string // "router"
	path     string // of the mapping
	given    map[string]json.RawMessage
	known    map[string]dialect.BackEnd
	fallback string   // when there is no entry; empty: one is needed
	beside   []string // fields of the mapping that name no back end
}

// use reads a back end's name and settings and lets it look at them.
func (w *world) use(p places, ch choice) (plan.Use, plan.Origin) {
	names := slices.Sorted(maps.Keys(ch.given))
	switch {
	case len(names) == 0 && ch.fallback == "":
		w.notes.Refuse(p.at(ch.path), "no %s is named; there is %s", ch.what, list(ch.known))
		return plan.Use{}, plan.Origin{}
	case len(names) == 0:
		return w.checked(p, ch, ch.fallback, ch.path)
	case len(names) > 1:
		w.notes.Refuse(p.at(join(ch.path, names[1])), "only one %s can be used, and %s is named as well", ch.what, names[0])
		return plan.Use{}, plan.Origin{}
	}
	return w.checked(p, ch, names[0], join(ch.path, names[0]))
}

func (w *world) checked(p places, ch choice, name, path string) (plan.Use, plan.Origin) {
	use := plan.Use{Kind: name, With: ch.given[name]}
	if string(use.With) == "null" {
		use.With = nil
	}
	driver, known := ch.known[name]
	if !known {
		w.notes.Refuse(p.at(path), "unknown %s %s%s", ch.what, name, ch.suggest(name))
		return use, p.at(path)
	}
	if driver.Means != nil {
		if other := driver.Means(use.With); other != "" {
			if driver, known = ch.known[other]; !known {
				w.notes.Refuse(p.at(path), "these settings are those of %s %s, which is switched off", ch.what, other)
				return use, p.at(path)
			}
			use.Kind = other
		}
	}
	w.checkWith(driver.Check, use.With, p, path)
	return use, p.at(path)
}

// suggest names the field or back end that was probably meant, or all back ends there are.
func (ch choice) suggest(name string) string {
	if field := nearest(name, ch.beside); field != "" {
		return fmt.Sprintf("; did you mean %s?", field)
	}
	return suggest(name, slices.Collect(maps.Keys(ch.known)))
}

func list(known map[string]dialect.BackEnd) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

// read is a duration that the decoder has accepted.
func read(text v1alpha1.Duration) time.Duration {
	d, _ := duration(string(text))
	return d
}
