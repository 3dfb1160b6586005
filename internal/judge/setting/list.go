package setting

import (
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Objects returns the objects of a list; an absent or null one reads as empty.
func (o *Object) Objects(field string) []*Object {
	value := o.find(field)
	if value == nil || value.Tag == "!!null" {
		return nil
	}
	if value.Kind != yaml.SequenceNode {
		o.Refuse(field, "must be a list")
		return nil
	}
	var all []*Object
	for i, item := range value.Content {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		at := fmt.Sprintf("%s[%d]", o.join(field), i)
		if item.Kind != yaml.MappingNode {
			o.root().errs = append(o.root().errs, o.complain(item, at, "must be a mapping"))
			continue
		}
		child := &Object{file: o.file, path: at, node: item, known: map[string]bool{}, parent: o}
		child.refuseTwins()
		all = append(all, child)
	}
	return all
}

// Text reads any single value as it stands there.
func (o *Object) Text(field string, into *string) {
	if text, ok := o.scalar(field); ok {
		*into = text
	}
}

// Truth reads true or false.
func (o *Object) Truth(field string, into *bool) {
	text, ok := o.scalar(field)
	if !ok {
		return
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		o.Refuse(field, "%q is neither true nor false", text)
		return
	}
	*into = value
}

// Number reads a finite number.
func (o *Object) Number(field string, into *float64) {
	text, ok := o.scalar(field)
	if !ok {
		return
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		o.Refuse(field, "%q is not a number", text)
		return
	}
	*into = value
}
