package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Decode reads a back end's own settings (the With of a Use, the template of a workload) strictly: an unknown field, a
// value of the wrong type or anything after the value is an error that names the field, as in
// "health.interval: "soon" is not a duration such as "1m30s"". No settings at all leave into as it is.
func Decode(settings json.RawMessage, into any) error {
	if len(bytes.TrimSpace(settings)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(settings))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return decodeError(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

func decodeError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		field := fieldPath(wrong.Field)
		if field == "" {
			field = "settings"
		}
		if wrong.Type == reflect.TypeFor[Duration]() {
			return fmt.Errorf("%s: %s is not a duration such as \"1m30s\"", field, wrong.Value)
		}
		return fmt.Errorf("%s: want %s, not %s", field, wrong.Type, wrong.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if plain, bad := strconv.Unquote(name); bad == nil {
			name = plain
		}
		return fmt.Errorf("%s: no such field", name)
	}
	return err
}

// fieldPath leaves out embedded structs, which the decoder names though nobody wrote them.
func fieldPath(path string) string {
	steps := slices.DeleteFunc(strings.Split(path, "."), func(step string) bool {
		return step != "" && unicode.IsUpper(rune(step[0]))
	})
	return strings.Join(steps, ".")
}

// A Duration is a time.Duration that settings write as people do: "1m30s".
type Duration time.Duration

// MarshalJSON writes the duration in Go's form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads a duration in Go's form and refuses a bare number, whose unit nobody could know.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	bad := &json.UnmarshalTypeError{Value: string(data), Type: reflect.TypeFor[Duration]()}
	if err := json.Unmarshal(data, &text); err != nil {
		return bad // the decoder adds the field to an error of this type, and of no other
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return bad
	}
	*d = Duration(parsed)
	return nil
}
