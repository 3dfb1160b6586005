package native

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
)

// token is what headers and cookies may be called (RFC 9110, section 5.6.2).
var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// moves reads the steps, or the batches of a rolling release.
func (w *world) moves(c canary, s compile.Strategy) []compile.Move {
	if s == compile.Rolling {
		return w.batches(c)
	}
	if c.has("spec.steps") && len(c.Spec.Steps) == 0 {
		w.notes.Refuse(c.at("spec.steps"), "there are no steps; leave the field out for those of strategy %s", s)
	}
	moves := make([]compile.Move, 0, len(c.Spec.Steps))
	names := map[string]int{}
	var last plan.Share
	for i, s := range c.Spec.Steps {
		r := stepReader{w, c, fmt.Sprintf("spec.steps[%d]", i)}
		m := r.move(s)
		if m.Weight != nil {
			if *m.Weight < last {
				w.notes.Refuse(m.At("weight"), "%v is less than %v before; a release only goes up, rolling back is serin's part", *m.Weight, last)
			}
			last = max(last, *m.Weight)
		}
		if first, twice := names[s.Name]; twice && s.Name != "" {
			w.notes.Refuse(r.at("name"), "step %d is called %s already", first, s.Name)
		}
		names[s.Name] = i
		moves = append(moves, m)
	}
	return moves
}

// batches are the moves of a rolling release.
func (w *world) batches(c canary) []compile.Move {
	if c.has("spec.steps") {
		w.notes.Refuse(c.at("spec.steps"), "strategy rolling makes its own steps; use rolling.batch and rolling.hold")
	}
	batch, hold, at := plan.Share(250), time.Duration(0), c.at("spec.strategy")
	if r := c.Spec.Rolling; r != nil {
		at = c.at("spec.rolling")
		hold = read(r.Hold)
		if r.Batch != "" {
			batch, _ = percent(string(r.Batch))
		}
	}
	if batch == 0 {
		w.notes.Refuse(c.at("spec.rolling.batch"), "batches of 0 %% never arrive")
		return nil
	}
	return compile.Batches(at, batch, hold)
}

// A stepReader reads one step of a canary.
type stepReader struct {
	w    *world
	c    canary
	path string
}

func (r stepReader) at(field string) plan.Origin { return r.c.at(r.path + "." + field) }

func (r stepReader) refuse(field, format string, args ...any) {
	r.w.notes.Refuse(r.at(field), format, args...)
}

func (r stepReader) move(s v1alpha1.Step) compile.Move {
	m := compile.Move{Name: s.Name, Origin: r.c.at(r.path), Places: map[string]plan.Origin{}, Hold: read(s.Hold)}
	for _, field := range []string{"weight", "mirror", "match", "capacity", "approve", "until", "hold", "notify"} {
		if r.c.has(r.path + "." + field) {
			m.Places[field] = r.at(field)
		}
	}
	if len(m.Places) == 0 {
		r.w.notes.Refuse(m.Origin, "the step does nothing; give it a weight, mirror, match, capacity, hold, approve, until or notify")
	}
	m.Weight, m.Mirror = shareOf(s.Weight), shareOf(s.Mirror)
	if s.Capacity != nil && *s.Capacity != "" {
		c, _ := amount(string(*s.Capacity))
		m.Capacity = &c
	}
	if s.Match != nil {
		m.Matches = r.matches(s.Match)
	}
	m.Approve = r.approve(s.Approve)
	switch s.Until {
	case "":
	case "pass":
		m.Proven = true
	default:
		r.refuse("until", "a step can last until pass, not until %q", s.Until)
	}
	m.Hooks = r.w.stepHooks(r, s.Notify)
	return m
}

func shareOf(p *v1alpha1.Percent) *plan.Share {
	if p == nil || *p == "" { // "": it was refused by the decoder
		return nil
	}
	share, _ := percent(string(*p))
	return &share
}

func (r stepReader) approve(a *v1alpha1.Approve) *plan.Approved {
	if a == nil {
		return nil
	}
	groups := r.c.Spec.Groups
	if _, known := groups[a.Group]; a.Group != "" && !known {
		if len(groups) > 0 {
			r.refuse("approve.group", "there is no group %s in spec.groups", a.Group)
		} else {
			r.w.notes.Warn(r.at("approve.group"), "spec.groups does not say who is in %s: on a cluster these are its users of that group, on a single machine nobody may approve", a.Group)
		}
	}
	return &plan.Approved{Group: a.Group, Within: read(a.Within)}
}

func (r stepReader) matches(given []v1alpha1.Match) []plan.Match {
	matches := []plan.Match{} // not nil: [] ends what was matched before
	for i, g := range given {
		m := plan.Match{Track: plan.Canary}
		field := fmt.Sprintf("match[%d]", i)
		if g.Header == nil && g.Cookie == nil && g.Path == nil {
			r.refuse(field, "matches nothing; give it a header, cookie or path")
		}
		if g.Header != nil {
			m.Headers = []plan.Condition{r.condition(field+".header", *g.Header)}
		}
		if g.Cookie != nil {
			m.Cookies = []plan.Condition{r.condition(field+".cookie", *g.Cookie)}
		}
		if g.Path != nil {
			path := r.condition(field+".path", *g.Path)
			m.Path = &path
		}
		matches = append(matches, m)
	}
	return matches
}

// condition reads one condition: a name, and exactly one way to compare.
func (r stepReader) condition(field string, c v1alpha1.Condition) plan.Condition {
	path := strings.HasSuffix(field, ".path")
	switch {
	case path && c.Name != "":
		r.refuse(field+".name", "a path has no name")
	case !path && !r.c.has(r.path+"."+field+".name"):
		r.refuse(field, "the %s has no name", field[strings.LastIndex(field, ".")+1:])
	case !path && !token.MatchString(c.Name):
		r.refuse(field+".name", "%q cannot be the name of a header or cookie", c.Name)
	}
	var hows []plan.How
	for _, how := range []plan.How{plan.Exact, plan.Prefix, plan.Regex, plan.Present} {
		if r.c.has(fmt.Sprintf("%s.%s.%s", r.path, field, how)) {
			hows = append(hows, how)
		}
	}
	if told(*r.w.notes, r.path+"."+field) {
		return plan.Condition{}
	}
	if len(hows) != 1 {
		r.refuse(field, "give exactly one of exact, prefix, regex and present")
		return plan.Condition{}
	}
	values := map[plan.How]string{plan.Exact: c.Exact, plan.Prefix: c.Prefix, plan.Regex: c.Regex}
	r.checkHow(field, hows[0], values[hows[0]], c, path)
	return plan.Condition{Name: c.Name, How: hows[0], Value: values[hows[0]]}
}

func (r stepReader) checkHow(field string, how plan.How, value string, c v1alpha1.Condition, path bool) {
	field += "." + string(how)
	switch _, err := regexp.Compile(value); {
	case how == plan.Present && path:
		r.refuse(field, "every request has a path")
	case how == plan.Present && !c.Present:
		r.refuse(field, "only present: true can be matched")
	case how == plan.Regex && err != nil:
		r.refuse(field, "not a regular expression (RE2): %v", err)
	case path && slices.Contains([]plan.How{plan.Exact, plan.Prefix}, how) && !strings.HasPrefix(value, "/"):
		r.refuse(field, "%q does not begin with /", value)
	case how == plan.Prefix && value == "":
		r.refuse(field, "everything begins with nothing; use present")
	}
}

// told reports whether something inside the field was refused already, so that its consequences need not be told as well.
func told(notes compile.Notes, path string) bool {
	return slices.ContainsFunc(notes, func(n compile.Note) bool {
		return n.Severity == compile.Error && strings.HasPrefix(n.Origin.Field, path+".")
	})
}
