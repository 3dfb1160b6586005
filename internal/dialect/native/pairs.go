package native

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// A pair is a key of a mapping and its value.
type pair struct{ key, value *yaml.Node }

// pairs lists the keys of a mapping, refuses those given twice and writes out merges (<<), whose keys give way to the
// mapping's own.
func (d *decoder) pairs(n *yaml.Node, path string) []pair {
	var own, merged []pair
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		first, twice := seen[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.refuse(n.Content[i], path, "a field's name must be a single word")
		case key.Tag == "!!merge":
			merged = append(merged, d.merge(value, path)...)
		case twice:
			d.refuse(key, join(path, key.Value), "field %s is given twice; first in line %d", key.Value, first.Line)
		default:
			seen[key.Value] = key
			own = append(own, pair{key, value})
		}
	}
	for _, p := range merged {
		if seen[p.key.Value] == nil {
			seen[p.key.Value] = p.key
			own = append(own, p)
		}
	}
	return own
}

// merge lists the keys of the mapping, or the list of mappings, behind a merge key.
func (d *decoder) merge(n *yaml.Node, path string) []pair {
	shown := n
	n, ok := d.enter(n, path)
	if !ok {
		return nil
	}
	defer d.leave()
	switch n.Kind {
	case yaml.MappingNode:
		merged := d.pairs(n, path)
		d.values += len(merged) // merges of merges write out keys, not only values
		return merged
	case yaml.SequenceNode:
		var all []pair
		for _, item := range n.Content {
			all = append(all, d.merge(item, path)...)
		}
		return all
	}
	d.refuse(shown, path, "<< merges fields, not %s", describe(n))
	return nil
}

// plain reads a node as a value that JSON can hold, and remembers its places.
func (d *decoder) plain(n *yaml.Node, path string) (any, bool) {
	shown := n
	n, ok := d.enter(n, path)
	if !ok {
		return nil, false
	}
	defer d.leave()
	if _, known := d.places[path]; !known {
		d.places[path] = d.at(shown, path)
	}
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for _, p := range d.pairs(n, path) {
			value, fine := d.plain(p.value, join(path, p.key.Value))
			object[p.key.Value], ok = value, ok && fine
		}
		return object, ok
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			value, fine := d.plain(item, path+"["+strconv.Itoa(i)+"]")
			if list[i], ok = value, ok && fine; d.full {
				return nil, false
			}
		}
		return list, ok
	}
	return d.number(shown, n, path)
}

// number reads a scalar: numbers, true, false and null as such, all else as text.
func (d *decoder) number(shown, n *yaml.Node, path string) (any, bool) {
	switch n.Tag {
	case "!!int", "!!float", "!!bool", "!!null":
	default:
		return n.Value, true
	}
	var value any
	if err := n.Decode(&value); err != nil {
		d.refuse(shown, path, "cannot be read: %v", err)
		return nil, false
	}
	if f, ok := value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		d.refuse(shown, path, "%s is not a number that can be used", n.Value)
		return nil, false
	}
	return value, true
}

// canonical writes a value as JSON in the one form that digests are made of: sorted keys, no spaces.
func canonical(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil // plain values are made of what JSON holds
	}
	return bytes.TrimSpace(b.Bytes())
}
