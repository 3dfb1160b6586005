package setting

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An Object is a mapping being read. A field is read once, into a variable that already holds its default; Done then
// reports every mistake in the order of the file.
type Object struct {
	file   string
	path   string
	node   *yaml.Node // nil when the object is absent: all fields keep their defaults
	known  map[string]bool
	parent *Object
	errs   []error
}

// Parse reads a document. An empty one is an empty object.
func Parse(file string, data []byte) (*Object, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: read YAML: %w", file, err)
	}
	o := &Object{file: file, known: map[string]bool{}}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return o, nil
	}
	o.node = doc.Content[0]
	if o.node.Kind != yaml.MappingNode {
		return nil, o.complain(o.node, "", "must be a mapping")
	}
	o.refuseTwins()
	return o, nil
}

// Object returns the nested object of a field; an absent or null one reads as empty.
func (o *Object) Object(field string) *Object {
	child := &Object{file: o.file, path: o.join(field), known: map[string]bool{}, parent: o}
	value := o.find(field)
	switch {
	case value == nil || value.Tag == "!!null":
	case value.Kind != yaml.MappingNode:
		o.Refuse(field, "must be a mapping")
	default:
		child.node = value
		child.refuseTwins()
	}
	return child
}

// Names returns the fields of the object in the order of the file, where they are the user's own words.
func (o *Object) Names() (names []string) {
	if o.node != nil {
		for i := 0; i+1 < len(o.node.Content); i += 2 {
			names = append(names, o.node.Content[i].Value)
		}
	}
	return names
}

// Has says whether the field is present and not null.
func (o *Object) Has(field string) bool {
	value := o.find(field)
	return value != nil && value.Tag != "!!null"
}

// Refuse reports a mistake at a field of this object, or at the nearest object around it where the field is absent.
func (o *Object) Refuse(field, format string, args ...any) {
	value := o.find(field)
	for up := o; value == nil && up != nil; up = up.parent {
		value = up.node
	}
	o.root().errs = append(o.root().errs, o.complain(value, o.join(field), fmt.Sprintf(format, args...)))
}

// Done reports the fields nobody has asked for, in this object, and at the outermost one all mistakes together.
func (o *Object) Done() error {
	if o.node != nil {
		for i := 0; i+1 < len(o.node.Content); i += 2 {
			key := o.node.Content[i]
			if !o.known[key.Value] {
				err := o.complain(key, o.join(key.Value), "unknown field")
				o.root().errs = append(o.root().errs, err)
			}
		}
	}
	if o.parent != nil {
		return nil
	}
	return o.Mistakes()
}

// Mistakes returns what was refused so far in the whole document, without asking for fields not yet read.
func (o *Object) Mistakes() error { return errors.Join(o.root().errs...) }

func (o *Object) refuseTwins() {
	seen := map[string]bool{}
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		key := o.node.Content[i]
		if seen[key.Value] {
			o.root().errs = append(o.root().errs, o.complain(key, o.join(key.Value), "given twice"))
		}
		seen[key.Value] = true
	}
}

func (o *Object) find(field string) *yaml.Node {
	o.known[field] = true
	if o.node == nil {
		return nil
	}
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		if o.node.Content[i].Value != field {
			continue
		}
		value := o.node.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		return value
	}
	return nil
}

func (o *Object) root() *Object {
	for o.parent != nil {
		o = o.parent
	}
	return o
}

func (o *Object) join(field string) string {
	if o.path == "" {
		return field
	}
	return o.path + "." + field
}

func (o *Object) complain(at *yaml.Node, path, message string) error {
	line, column := 1, 1
	if at != nil {
		line, column = at.Line, at.Column
	}
	parts := []string{fmt.Sprintf("%s:%d:%d", o.file, line, column)}
	if path != "" {
		parts = append(parts, path)
	}
	return errors.New(strings.Join(append(parts, message), ": "))
}
