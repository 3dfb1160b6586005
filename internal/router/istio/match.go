package istio

import (
	"fmt"
	"regexp"
	"strings"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// A claim is a match of an order in Istio's words: expressions for the path and for headers, all of which must fit.
type claim struct {
	uri     map[string]any // nil: any
	headers map[string]map[string]any
}

// newClaim translates a match, or says why Istio cannot be told.
func newClaim(m plan.Match) (claim, error) {
	c := claim{headers: map[string]map[string]any{}}
	if m.Path != nil && m.Path.How != plan.Present {
		var err error
		if c.uri, err = expression(*m.Path); err != nil {
			return c, err
		}
	}
	for _, h := range m.Headers {
		name := strings.ToLower(h.Name) // Istio wants them so
		e, err := expression(h)
		if err != nil {
			return c, err
		}
		if _, twice := c.headers[name]; twice || name == "" {
			return c, unfit("a match compares the header %q twice, or none", h.Name)
		}
		c.headers[name] = e
	}
	for _, cookie := range m.Cookies {
		if _, twice := c.headers["cookie"]; twice {
			return c, unfit("a match compares two cookies, and Istio can compare the Cookie header once")
		}
		e, err := cookieExpression(cookie)
		if err != nil {
			return c, err
		}
		c.headers["cookie"] = map[string]any{"regex": e}
	}
	return c, nil
}

// expression is a StringMatch. An empty one is met by a header that is there.
func expression(c plan.Condition) (map[string]any, error) {
	switch c.How {
	case plan.Present:
		return map[string]any{}, nil
	case plan.Exact, plan.Prefix:
		if c.Value == "" {
			return nil, unfit("%s compares with nothing", c)
		}
		return map[string]any{string(c.How): c.Value}, nil
	case plan.Regex:
		if _, err := regexp.Compile(c.Value); err != nil {
			return nil, unfit("%s: %v", c, err)
		}
		return map[string]any{"regex": c.Value}, nil
	}
	return nil, unfit("%q is no way to compare", c.How)
}

// cookieExpression finds a cookie in the whole header: at its beginning, or after a semicolon.
func cookieExpression(c plan.Condition) (string, error) {
	value := ""
	switch c.How {
	case plan.Present:
		value = `[^;]*`
	case plan.Exact:
		value = regexp.QuoteMeta(c.Value)
	case plan.Prefix:
		value = regexp.QuoteMeta(c.Value) + `[^;]*`
	case plan.Regex:
		value = "(?:" + c.Value + ")"
	default:
		return "", unfit("%q is no way to compare", c.How)
	}
	e := `^(.*?;)?\s*(` + regexp.QuoteMeta(c.Name) + `=` + value + `)(;.*)?$`
	if _, err := regexp.Compile(e); err != nil {
		return "", unfit("cookie %s: %v", c, err)
	}
	return e, nil
}

// both joins a match with each of those that a route has already: a request must meet both. What cannot be met is left out.
func both(have any, m plan.Match) ([]any, error) {
	c, err := newClaim(m)
	if err != nil {
		return nil, err
	}
	list, _ := have.([]any)
	if len(list) == 0 {
		list = []any{map[string]any{}}
	}
	var all []any
	for _, item := range list {
		alternative, _ := item.(map[string]any)
		joined, possible, err := c.join(alternative)
		if err != nil {
			return nil, err
		}
		if possible {
			all = append(all, joined)
		}
	}
	return all, nil
}

func (c claim) join(alternative map[string]any) (map[string]any, bool, error) {
	joined := unstructuredCopy(alternative)
	if c.uri != nil {
		have, _ := joined["uri"].(map[string]any)
		if folded, _ := joined["ignoreUriCase"].(bool); folded {
			return nil, false, unfit("a match on the path cannot join a route that ignores the path's case")
		}
		e, possible, err := narrow(have, c.uri, "the path")
		if !possible || err != nil {
			return nil, false, err
		}
		joined["uri"] = e
	}
	for name, want := range c.headers {
		headers, _ := joined["headers"].(map[string]any)
		if headers == nil {
			headers = map[string]any{}
		}
		key := name
		for given := range headers {
			if strings.EqualFold(given, name) {
				key = given
			}
		}
		have, _ := headers[key].(map[string]any)
		e, possible, err := narrow(have, want, "the header "+name)
		if !possible || err != nil {
			return nil, false, err
		}
		headers[key] = e
		joined["headers"] = headers
	}
	return joined, true, nil
}

// narrow is one expression for two, where there is one; false where nothing meets both.
func narrow(a, b map[string]any, of string) (map[string]any, bool, error) {
	switch {
	case len(a) == 0 || same(a, b):
		return b, true, nil
	case len(b) == 0:
		return a, true, nil
	}
	if value, ok := a["exact"].(string); ok {
		return a, fits(b, value), nil
	}
	if value, ok := b["exact"].(string); ok {
		return b, fits(a, value), nil
	}
	one, okOne := a["prefix"].(string)
	other, okOther := b["prefix"].(string)
	switch {
	case !okOne || !okOther:
		return nil, false, unfit("a route and the order compare %s with different expressions, and Istio takes one", of)
	case strings.HasPrefix(one, other):
		return a, true, nil
	}
	return b, strings.HasPrefix(other, one), nil
}

func fits(e map[string]any, value string) bool {
	if exact, ok := e["exact"].(string); ok {
		return value == exact
	}
	if prefix, ok := e["prefix"].(string); ok {
		return strings.HasPrefix(value, prefix)
	}
	if regex, ok := e["regex"].(string); ok {
		re, err := regexp.Compile("^(?:" + regex + ")$")
		return err == nil && re.MatchString(value)
	}
	return true
}

func unfit(format string, args ...any) error {
	return &cluster.Problem{Reason: cluster.RouteUnfit, Text: fmt.Sprintf(format, args...), Remedy: "change the step"}
}
