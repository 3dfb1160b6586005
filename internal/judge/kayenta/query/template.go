package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// How long a template may become, in bytes, and how many names it may hold, those within names included.
const (
	templateMost = 1 << 20
	namesMost    = 10_000
)

// expand returns the template of a query, its names replaced, or "" where it has none. The store binds names; those of the
// scope's extended parameters win.
func expand(r Request, f fields, bound map[string]string) (string, error) {
	if f.CustomFilter != nil {
		return "", errors.New("customFilter: was withdrawn; write customInlineTemplate")
	}
	text := f.CustomInlineTemplate
	if text == "" {
		if f.CustomFilterTemplate == "" {
			return "", nil
		}
		named, ok := r.Templates[f.CustomFilterTemplate]
		if !ok {
			return "", fmt.Errorf("customFilterTemplate: the config has no template %q", f.CustomFilterTemplate)
		}
		text = named
	}
	bindings := map[string]string{}
	for name, value := range bound {
		if value != "" {
			bindings[name] = value
		}
	}
	for _, p := range r.Scope.Extended {
		bindings[p.Name] = p.Value
	}
	text, err := (&expansion{bindings: bindings}).substitute(unescape(text), nil)
	if err != nil {
		return "", fmt.Errorf("expand template: %w", err)
	}
	return text, nil
}

func unescape(template string) string { return strings.ReplaceAll(template, `$\{`, "${") }

// An expansion is one template at work.
type expansion struct {
	bindings map[string]string
	names    int // replaced so far
}

// substitute replaces ${name} and ${name:-default}, also in what it puts in; open are the names it is within.
func (e *expansion) substitute(text string, open []string) (string, error) {
	var out strings.Builder
	for {
		start := strings.Index(text, "${")
		if start < 0 {
			break
		}
		if start > 0 && text[start-1] == '$' {
			out.WriteString(text[:start-1] + "${")
			text = text[start+2:]
			continue
		}
		length := strings.Index(text[start:], "}")
		if length < 0 {
			break
		}
		value, err := e.lookup(text[start+2:start+length], open)
		if err != nil {
			return "", err
		}
		out.WriteString(text[:start] + value)
		text = text[start+length+1:]
		if out.Len() > templateMost {
			return "", fmt.Errorf("it becomes longer than %d bytes", templateMost)
		}
	}
	out.WriteString(text)
	return out.String(), nil
}

func (e *expansion) lookup(name string, open []string) (string, error) {
	name, fallback, hasFallback := strings.Cut(name, ":-")
	if e.names++; e.names > namesMost {
		return "", fmt.Errorf("it holds more than %d names", namesMost)
	}
	if slices.Contains(open, name) {
		return "", fmt.Errorf("${%s} contains itself", name)
	}
	value, bound := e.bindings[name]
	switch {
	case bound:
	case hasFallback:
		value = fallback
	default:
		return "", fmt.Errorf("${%s} is not bound", name)
	}
	return e.substitute(value, append(slices.Clone(open), name))
}
