package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"

	"serin.dev/serin/internal/plan"
)

// A claim is a plan.Match made ready: names in canonical form, expressions compiled.
type claim struct {
	headers []test
	cookies []test
	path    *test
	track   *track
}

// A test is a condition on one value.
type test struct {
	name string
	fits func(string) bool
}

func compileMatch(m plan.Match) (claim, error) {
	var c claim
	for i, cond := range m.Headers {
		t, err := compileCondition(cond)
		if err == nil && cond.Name == "" {
			err = errors.New("a header needs a name")
		}
		if err != nil {
			return claim{}, fmt.Errorf("headers[%d]: %w", i, err)
		}
		t.name = textproto.CanonicalMIMEHeaderKey(cond.Name)
		c.headers = append(c.headers, t)
	}
	for i, cond := range m.Cookies {
		t, err := compileCondition(cond)
		if err == nil && cond.Name == "" {
			err = errors.New("a cookie needs a name")
		}
		if err != nil {
			return claim{}, fmt.Errorf("cookies[%d]: %w", i, err)
		}
		c.cookies = append(c.cookies, t)
	}
	if m.Path != nil {
		t, err := compileCondition(*m.Path)
		if err != nil {
			return claim{}, fmt.Errorf("path: %w", err)
		}
		c.path = &t
	}
	if len(c.headers)+len(c.cookies) == 0 && c.path == nil {
		return claim{}, errors.New("no condition: it would claim every request")
	}
	return c, nil
}

func compileCondition(c plan.Condition) (test, error) {
	t := test{name: c.Name}
	switch c.How {
	case plan.Exact:
		t.fits = func(s string) bool { return s == c.Value }
	case plan.Prefix:
		t.fits = func(s string) bool { return strings.HasPrefix(s, c.Value) }
	case plan.Present:
		t.fits = func(string) bool { return true }
	case plan.Regex:
		whole, err := regexp.Compile(`\A(?:` + c.Value + `)\z`)
		if err != nil {
			return test{}, fmt.Errorf("read expression %q: %w", c.Value, err)
		}
		t.fits = whole.MatchString
	default:
		return test{}, fmt.Errorf("compare %q: unknown way %q", c.Name, c.How)
	}
	return t, nil
}

// claims reports whether all conditions are met. Several headers, or cookies, of one name meet a condition when one of
// them does.
func (c *claim) claims(r *http.Request) bool {
	if c.path != nil && !c.path.fits(r.URL.Path) {
		return false
	}
	for _, t := range c.headers {
		if !anyFits(t, headerValues(r, t.name)) {
			return false
		}
	}
	for _, t := range c.cookies {
		if !anyCookieFits(t, r.Header["Cookie"]) {
			return false
		}
	}
	return true
}

// headerValues knows that net/http keeps the Host header elsewhere.
func headerValues(r *http.Request, name string) []string {
	if name == "Host" {
		return []string{r.Host}
	}
	return r.Header[name]
}

func anyFits(t test, values []string) bool {
	for _, v := range values {
		if t.fits(v) {
			return true
		}
	}
	return false
}

func anyCookieFits(t test, lines []string) bool {
	for name, value := range cookies(lines) {
		if name == t.name && t.fits(value) {
			return true
		}
	}
	return false
}

// cookies walks the pairs of Cookie headers as they are written (RFC 6265, section 4.2.1), without allocating.
func cookies(lines []string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for _, line := range lines {
			for len(line) > 0 {
				var pair string
				pair, line, _ = strings.Cut(line, ";")
				name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
				if ok && !yield(name, strings.Trim(value, `"`)) {
					return
				}
			}
		}
	}
}
