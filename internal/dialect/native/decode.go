package native

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
)

// A decoder fills typed objects from nodes, strictly, and remembers where every field stood.
type decoder struct {
	document
	notes  *compile.Notes
	places map[string]plan.Origin // by field path: "spec.steps[2].weight"
	depth  int
}

// decode reads the document into the object that into points to.
func decode(doc document, into any, notes *compile.Notes) map[string]plan.Origin {
	d := &decoder{document: doc, notes: notes, places: map[string]plan.Origin{}}
	d.value(doc.root, "", reflect.ValueOf(into).Elem())
	return d.places
}

// refuse adds an error at a node.
func (d *decoder) refuse(n *yaml.Node, path, format string, args ...any) {
	d.notes.Refuse(d.at(n, path), format, args...)
}

// enter counts a value and resolves an alias; false when the file asks for too much. Every way into a node goes through it,
// so a cycle of aliases ends at the depth limit and a bomb at the limit of values.
func (d *decoder) enter(n *yaml.Node, path string) (*yaml.Node, bool) {
	d.values++
	switch {
	case d.full:
		return nil, false
	case d.values > maxValues:
		d.refuse(n, path, "the file stands for more than %d values, aliases written out; nothing further is read", maxValues)
		d.full = true
		return nil, false
	case d.depth > maxDepth:
		d.refuse(n, path, "values are nested deeper than %d levels; nothing further is read", maxDepth)
		d.full = true
		return nil, false
	}
	d.depth++
	if n.Kind == yaml.AliasNode {
		return n.Alias, true
	}
	return n, true
}

func (d *decoder) leave() { d.depth-- }

// value reads a node into a value of whatever type the object has there.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	shown := n // an alias is shown where it is used
	n, ok := d.enter(n, path)
	if !ok {
		return
	}
	defer d.leave()
	if path != "" {
		d.places[path] = d.at(shown, path)
	}
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		d.depth--
		d.verbatim(shown, path, v)
		d.depth++
		return
	}
	if isNull(n) {
		d.null(shown, path, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.depth--
		d.value(shown, path, v.Elem())
		d.depth++
	case reflect.Struct:
		d.object(shown, n, path, v)
	case reflect.Map:
		d.table(shown, n, path, v)
	case reflect.Slice:
		d.list(shown, n, path, v)
	default:
		d.scalar(shown, n, path, v)
	}
}

// verbatim keeps what stands there as it is.
func (d *decoder) verbatim(n *yaml.Node, path string, v reflect.Value) {
	if raw, ok := d.raw(n, path); ok {
		v.SetBytes(raw)
	}
}

// null is a key without a value: fine for an object that has no required settings ("approve:"), an oversight elsewhere.
func (d *decoder) null(n *yaml.Node, path string, v reflect.Value) {
	if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct {
		v.Set(reflect.New(v.Type().Elem()))
		return
	}
	d.refuse(n, path, "has no value; give one or leave the field out")
}

// object reads a mapping into a struct.
func (d *decoder) object(shown, n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.refuse(shown, path, "want fields, not %s", describe(n))
		return
	}
	fields, rest := fieldsOf(v)
	for _, p := range d.pairs(n, path) {
		name := fieldName(p.key.Value, fields)
		at := join(path, name)
		switch field, known := fields[name]; {
		case known:
			d.value(p.value, at, field)
		case rest.IsValid():
			d.places[at] = d.at(p.key, at)
			if raw, ok := d.raw(p.value, at); ok {
				setEntry(rest, p.key.Value, reflect.ValueOf(raw))
			}
		default:
			d.refuse(p.key, at, "unknown field %s%s", p.key.Value, suggest(p.key.Value, slices.Collect(maps.Keys(fields))))
		}
	}
}

// fieldName is the name of the field that a key means. Tools of Kubernetes read YAML 1.1, in which the key `on` is a truth
// value, and hand it on as "true".
func fieldName(key string, fields map[string]reflect.Value) string {
	if _, on := fields["on"]; on && key == "true" {
		return "on"
	}
	return key
}

// fieldsOf lists the settable fields of a struct by JSON name, those of an embedded struct among them, and the map that
// takes all other keys, where the struct has one.
func fieldsOf(v reflect.Value) (fields map[string]reflect.Value, rest reflect.Value) {
	fields = map[string]reflect.Value{}
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		switch {
		case name == "-" && v.Field(i).Kind() == reflect.Map:
			rest = v.Field(i)
		case name != "":
			fields[name] = v.Field(i)
		case strings.Contains(options, "inline"):
			inner, _ := fieldsOf(v.Field(i))
			maps.Copy(fields, inner)
		}
	}
	return fields, rest
}

// table reads a mapping into a map from strings.
func (d *decoder) table(shown, n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.refuse(shown, path, "want names with values, not %s", describe(n))
		return
	}
	for _, p := range d.pairs(n, path) {
		entry := reflect.New(v.Type().Elem()).Elem()
		d.value(p.value, join(path, p.key.Value), entry)
		setEntry(v, p.key.Value, entry)
	}
}

func setEntry(m reflect.Value, key string, value reflect.Value) {
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	m.SetMapIndex(reflect.ValueOf(key), value)
}

// list reads a sequence. An empty one is not the same as none.
func (d *decoder) list(shown, n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.refuse(shown, path, "want a list, not %s", describe(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.value(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		if d.full {
			return
		}
	}
}

// scalar reads a single value of the type's own form.
func (d *decoder) scalar(shown, n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.refuse(shown, path, "want a single value, not %s", describe(n))
		return
	}
	if problem := setScalar(n, v); problem != "" {
		d.refuse(shown, path, "%s", problem)
	}
}

// setScalar sets the value, or says what is wrong with the text.
func setScalar(n *yaml.Node, v reflect.Value) (problem string) {
	switch v.Interface().(type) {
	case v1alpha1.Percent:
		if _, err := percent(n.Value); err != nil {
			return err.Error()
		}
	case v1alpha1.Amount:
		if _, err := amount(n.Value); err != nil {
			return err.Error()
		}
	case v1alpha1.Duration:
		if _, err := duration(n.Value); err != nil {
			return err.Error()
		}
	default:
		return setPlain(n, v)
	}
	v.SetString(n.Value)
	return ""
}

func setPlain(n *yaml.Node, v reflect.Value) (problem string) {
	switch v.Kind() {
	case reflect.String:
		if n.Tag != "!!str" {
			return fmt.Sprintf("want text, not %s; quote it: %q", describe(n), n.Value)
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" {
			return fmt.Sprintf("want true or false, not %s", describe(n))
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int, reflect.Int64:
		number, err := strconv.ParseInt(n.Value, 10, 32)
		if n.Tag != "!!int" || err != nil {
			return fmt.Sprintf("want a whole number, not %s", describe(n))
		}
		v.SetInt(number)
	default:
		return fmt.Sprintf("cannot be read: no form for %s", v.Type())
	}
	return ""
}

// raw reads a node as the JSON of a back end's own settings, in canonical form.
func (d *decoder) raw(n *yaml.Node, path string) (json.RawMessage, bool) {
	value, ok := d.plain(n, path)
	if !ok {
		return nil, false
	}
	return canonical(value), true
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// describe says what a node is, for messages.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "fields"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	const longest = 40
	value := n.Value
	if len(value) > longest {
		value = value[:longest] + "..."
	}
	return fmt.Sprintf("%q", value)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
