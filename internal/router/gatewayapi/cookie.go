package gatewayapi

import (
	"regexp"
	"regexp/syntax"

	"serin.dev/serin/internal/plan"
)

// cookieExpression finds a cookie in the Cookie header, as it is written (RFC 6265, section 4.2.1): "a=b; c=d".
func cookieExpression(c plan.Condition) (string, error) {
	if c.Name == "" {
		return "", unfit("a match on a cookie needs a name")
	}
	value := ""
	switch c.How {
	case plan.Exact:
		value = regexp.QuoteMeta(c.Value)
	case plan.Prefix:
		value = regexp.QuoteMeta(c.Value) + "[^;]*"
	case plan.Present:
		value = "[^;]*"
	case plan.Regex:
		inner, err := inside(c.Value)
		if err != nil {
			return "", err
		}
		value = "(?:" + inner + ")"
	default:
		return "", unfit("compare cookie %q: unknown way %q", c.Name, c.How)
	}
	return `^(?:.*;\s*)?` + regexp.QuoteMeta(c.Name) + "=" + value + `\s*(?:;.*)?$`, nil
}

// inside rewrites an expression so that it cannot reach beyond its own cookie: what stood for any character stands for any
// but a semicolon.
func inside(expression string) (string, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "", unfit("read expression %q: %v", expression, err)
	}
	confine(parsed)
	return parsed.String(), nil
}

func confine(r *syntax.Regexp) {
	switch r.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		r.Op, r.Rune = syntax.OpCharClass, []rune{0, ';' - 1, ';' + 1, 0x10FFFF}
	case syntax.OpCharClass:
		var ranges []rune
		for i := 0; i+1 < len(r.Rune); i += 2 {
			low, high := r.Rune[i], r.Rune[i+1]
			if low > ';' || high < ';' {
				ranges = append(ranges, low, high)
				continue
			}
			if low < ';' {
				ranges = append(ranges, low, ';'-1)
			}
			if high > ';' {
				ranges = append(ranges, ';'+1, high)
			}
		}
		r.Rune = ranges
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		r.Op = syntax.OpEmptyMatch // the whole value is matched anyhow
	}
	for _, sub := range r.Sub {
		confine(sub)
	}
}
