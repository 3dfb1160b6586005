package query

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Params are the extended parameters of a scope, in the order in which they were written: filters follow it.
type Params []Param

// A Param is one of them.
type Param struct{ Name, Value string }

// Get returns the value of a parameter, or "".
func (p Params) Get(name string) string {
	for _, param := range p {
		if param.Name == name {
			return param.Value
		}
	}
	return ""
}

// UnmarshalJSON reads an object of texts; numbers and truth values are read as they are written.
func (p *Params) UnmarshalJSON(data []byte) error {
	*p = nil
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	switch open, err := d.Token(); {
	case err != nil:
		return err
	case open == nil:
		return nil
	case open != json.Delim('{'):
		return errors.New("extended parameters are not an object")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		value, err := d.Token()
		switch value.(type) {
		case string, json.Number, bool:
			*p = append(*p, Param{name.(string), fmt.Sprint(value)})
		case nil:
			if err != nil {
				return err
			}
		default:
			return fmt.Errorf("extended parameter %q is not a text", name)
		}
	}
	return nil
}

// MarshalJSON writes an object.
func (p Params) MarshalJSON() ([]byte, error) {
	out := bytes.NewBufferString("{")
	for i, param := range p {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(param.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(param.Value)
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
