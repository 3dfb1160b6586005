package gatewayapi

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"serin.dev/serin/internal/plan"
)

// A claim is a plan.Match in the words of a route: what it adds to a rule's own match.
type claim struct {
	track   plan.TrackName
	headers []map[string]any
	path    map[string]any // nil: any
}

// newClaim translates a match, and refuses what a route cannot say.
func newClaim(m plan.Match, kind string) (claim, error) {
	c := claim{track: m.Track}
	for _, h := range m.Headers {
		if h.Name == "" {
			return c, unfit("a match on a header needs a name")
		}
		how, err := headerMatch(h)
		if err != nil {
			return c, err
		}
		if err := c.add(how); err != nil {
			return c, err
		}
	}
	if len(m.Cookies) > 1 {
		return c, unfit("a route cannot compare more than one cookie in a match (%s)", m)
	}
	for _, cookie := range m.Cookies {
		expression, err := cookieExpression(cookie)
		if err != nil {
			return c, err
		}
		if err := c.add(header("Cookie", "RegularExpression", expression)); err != nil {
			return c, err
		}
	}
	if m.Path != nil && kind == grpcRoute {
		return c, unfit("a GRPCRoute knows methods and no paths (%s)", m)
	}
	var err error
	if m.Path != nil {
		c.path, err = pathMatch(*m.Path)
	}
	return c, err
}

func (c *claim) add(h map[string]any) error {
	for _, other := range c.headers {
		if strings.EqualFold(text(other, "name"), text(h, "name")) {
			return unfit("a route cannot compare the header %s twice in a match", text(h, "name"))
		}
	}
	c.headers = append(c.headers, h)
	return nil
}

func header(name, how, value string) map[string]any {
	return map[string]any{"name": name, "type": how, "value": value}
}

func headerMatch(c plan.Condition) (map[string]any, error) {
	switch c.How {
	case plan.Exact:
		if c.Value == "" {
			return header(c.Name, "RegularExpression", "^$"), nil // an exact value must not be empty
		}
		return header(c.Name, "Exact", c.Value), nil
	case plan.Prefix:
		return header(c.Name, "RegularExpression", "^"+regexp.QuoteMeta(c.Value)+".*$"), nil
	case plan.Present:
		return header(c.Name, "RegularExpression", "^.*$"), nil
	case plan.Regex:
		whole, err := whole(c.Value)
		return header(c.Name, "RegularExpression", whole), err
	}
	return nil, unfit("compare %q: unknown way %q", c.Name, c.How)
}

func pathMatch(c plan.Condition) (map[string]any, error) {
	switch c.How {
	case plan.Exact:
		return map[string]any{"type": "Exact", "value": c.Value}, nil
	case plan.Prefix, plan.Present:
		return map[string]any{"type": "PathPrefix", "value": "/" + strings.Trim(c.Value, "/")}, nil
	case plan.Regex:
		whole, err := whole(c.Value)
		return map[string]any{"type": "RegularExpression", "value": whole}, err
	}
	return nil, unfit("compare the path: unknown way %q", c.How)
}

// whole anchors an expression: some gateways match the whole value (Envoy), some any part of it (Traefik).
func whole(expression string) (string, error) {
	if _, err := regexp.Compile(expression); err != nil {
		return "", unfit("read expression %q: %v", expression, err)
	}
	return "^(?:" + expression + ")$", nil
}

// narrow adds the claim to a rule's own match. False: no request can meet both.
func (c claim) narrow(own map[string]any) (map[string]any, bool, error) {
	both := runtime.DeepCopyJSON(own)
	if c.path != nil {
		path, ok, err := within(pathOf(own), c.path)
		if !ok || err != nil {
			return nil, ok, err
		}
		both["path"] = path
	}
	headers := rule(both).maps("headers")
	for _, h := range c.headers {
		add, possible, err := beside(headers, h)
		if !possible || err != nil {
			return nil, possible, err
		}
		if add {
			headers = append(headers, h)
		}
	}
	rule(both).setMaps("headers", headers)
	return both, true, nil
}

// beside reports whether a header's condition has to be added to those of a rule, and whether both can be met at all.
func beside(headers []map[string]any, h map[string]any) (add, possible bool, err error) {
	for _, other := range headers {
		if !strings.EqualFold(text(other, "name"), text(h, "name")) {
			continue
		}
		kind, value := text(other, "type"), text(other, "value")
		if kind == "" {
			kind = "Exact"
		}
		switch {
		case kind == text(h, "type") && value == text(h, "value"), text(h, "value") == "^.*$":
			return false, true, nil
		case kind == "Exact" && text(h, "type") == "Exact":
			return false, false, nil
		case kind == "Exact":
			expression, err := regexp.Compile(text(h, "value"))
			return false, err == nil && expression.MatchString(value), err
		}
		return false, true, unfit("the rule compares the header %s itself, and a route cannot compare it twice", text(h, "name"))
	}
	return true, true, nil
}

// pathOf is the path condition of a match; every path where it has none.
func pathOf(m map[string]any) map[string]any {
	if p, ok := m["path"].(map[string]any); ok {
		return p
	}
	return map[string]any{"type": "PathPrefix", "value": "/"}
}

// within joins two path conditions. False: no path meets both.
func within(own, ours map[string]any) (map[string]any, bool, error) {
	if covers(own, ours) {
		return ours, true, nil
	}
	if covers(ours, own) {
		return own, true, nil
	}
	if text(own, "type") == "RegularExpression" || text(ours, "type") == "RegularExpression" {
		return nil, true, unfit("a route cannot join the paths %s and %s", text(own, "value"), text(ours, "value"))
	}
	return nil, false, nil
}

// covers reports whether each path that meets the second condition meets the first for certain.
func covers(wide, narrow map[string]any) bool {
	w, n := text(wide, "value"), text(narrow, "value")
	kind := text(narrow, "type")
	switch text(wide, "type") {
	case "PathPrefix", "":
		base := strings.TrimRight(w, "/")
		return base == "" || kind != "RegularExpression" && (strings.TrimRight(n, "/") == base || strings.HasPrefix(n, base+"/"))
	case "Exact":
		return kind == "Exact" && n == w
	case "RegularExpression":
		if kind == "RegularExpression" {
			return n == w
		}
		expression, err := regexp.Compile(w)
		return kind == "Exact" && err == nil && expression.MatchString(n)
	}
	return false
}

// orderly refuses matches of which a gateway would not try the first one first: it prefers the longer path, then the greater
// number of headers, and the order of rules only where these are equal.
func orderly(matches []plan.Match, claims []claim) error {
	for j := range claims {
		for i := range j {
			if claims[i].track != claims[j].track && claims[j].before(claims[i]) {
				return unfit("the match %s stands behind %s and is more specific, so that a gateway would try it first", matches[j], matches[i])
			}
		}
	}
	return nil
}

// before reports whether a gateway may prefer c to the claim that stands in front of it, for requests that meet both.
func (c claim) before(front claim) bool {
	switch {
	case c.path == nil && front.path == nil, c.path != nil && front.path != nil && fmt.Sprint(c.path) == fmt.Sprint(front.path):
		return len(c.headers) > len(front.headers)
	case c.path == nil:
		return text(front.path, "type") == "RegularExpression" // where those stand is up to the gateway
	case front.path == nil:
		return true
	}
	_, both, err := within(front.path, c.path)
	return both && (err != nil || !covers(c.path, front.path))
}
