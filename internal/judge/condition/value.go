package condition

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"serin.dev/serin/internal/judge"
)

const (
	valueMost = 64 << 10 // bytes of a reading
	saidMost  = 300      // bytes of what others said, in a reason
	shownMost = 80       // bytes of a value, in a reason
)

// decode reads the value of a reading, or says why there is none.
func decode(r judge.Reading) (any, error) {
	switch {
	case r.Error != "":
		return nil, errors.New(cut(r.Error, saidMost))
	case len(r.Value) == 0:
		return nil, errors.New("no data returned from the metric provider")
	case len(r.Value) > valueMost:
		return nil, fmt.Errorf("the answer has %d bytes; at most %d are judged", len(r.Value), valueMost)
	}
	var value any
	if err := json.Unmarshal(r.Value, &value); err != nil {
		return nil, fmt.Errorf("the answer is not JSON: %v", err)
	}
	if list, ok := value.([]any); ok {
		for i := range list {
			list[i] = special(list[i])
		}
	}
	return special(value), nil
}

// special turns the texts for numbers that JSON cannot hold into these numbers.
func special(value any) any {
	switch value {
	case "NaN":
		return math.NaN()
	case "Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	}
	return value
}

// number is the one number that stands for a value among the findings: itself, or the first of a list; 0 where there is none.
func number(value any) float64 {
	if list, ok := value.([]any); ok && len(list) > 0 {
		value = list[0]
	}
	if f, ok := value.(float64); ok && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return f
	}
	return 0
}

// empty reports whether a store had nothing to say.
func empty(value any) bool {
	list, ok := value.([]any)
	return value == nil || ok && len(list) == 0
}

// shown writes a value for people.
func shown(value any) string {
	switch v := value.(type) {
	case float64:
		return fmt.Sprintf("%.6g", v)
	case []any:
		parts := make([]string, 0, 8)
		for _, one := range v[:min(len(v), 8)] {
			parts = append(parts, shown(one))
		}
		if len(v) > 8 {
			parts = append(parts, "...")
		}
		return cut("["+strings.Join(parts, ", ")+"]", shownMost)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("a %T", value)
	}
	return cut(string(text), shownMost)
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
