package kayenta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// A rest is the fields of an object that its Go type does not know.
type rest map[string]json.RawMessage

// read reads an object into its type and keeps the rest. Errors name the field.
func (r *rest) read(data []byte, into any) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*r = nil
	to := reflect.ValueOf(into).Elem()
	known := map[string]bool{}
	for i := range to.NumField() {
		name, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		known[name] = true
		value, given := all[name]
		if !given || string(value) == "null" {
			continue
		}
		if err := json.Unmarshal(value, to.Field(i).Addr().Interface()); err != nil {
			return at(name, to.Field(i).Type(), value, err)
		}
	}
	for name, value := range all {
		if !known[name] {
			if *r == nil {
				*r = rest{}
			}
			(*r)[name] = value
		}
	}
	return nil
}

// write writes an object: what its type knows, in the type's order, then the rest, by name.
func (r rest) write(known any) ([]byte, error) {
	data, err := json.Marshal(known)
	if err != nil || len(r) == 0 {
		return data, err
	}
	out := bytes.NewBuffer(bytes.TrimSuffix(data, []byte("}")))
	for _, name := range sorted(r) {
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		out.Write(key)
		out.WriteByte(':')
		out.Write(r[name])
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// at says at which field the reader stumbled: of a list at which element, of a map at which key.
func at(name string, to reflect.Type, value json.RawMessage, err error) error {
	switch to.Kind() {
	case reflect.Slice:
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			break
		}
		for i, element := range list {
			if wrong := json.Unmarshal(element, reflect.New(to.Elem()).Interface()); wrong != nil {
				return fmt.Errorf("%s[%d]: %w", name, i, wrong)
			}
		}
	case reflect.Map:
		var entries map[string]json.RawMessage
		if json.Unmarshal(value, &entries) != nil {
			break
		}
		for _, key := range sorted(entries) {
			if wrong := json.Unmarshal(entries[key], reflect.New(to.Elem()).Interface()); wrong != nil {
				return fmt.Errorf("%s.%s: %w", name, key, wrong)
			}
		}
	}
	return fmt.Errorf("%s: %w", name, err)
}
