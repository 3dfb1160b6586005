package kayenta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// A Number is a value of a series. JSON has no word for NaN and the infinities; Kayenta writes them as the texts "NaN",
// "Infinity" and "-Infinity".
type Number float64

// MarshalJSON writes the shortest text that reads back as the same number.
func (n Number) MarshalJSON() ([]byte, error) {
	switch f := float64(n); {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(f)
	}
}

// UnmarshalJSON reads a number, or a text that holds one. A missing point is "NaN"; null is refused, as Kayenta does.
func (n *Number) UnmarshalJSON(data []byte) error {
	text := string(bytes.TrimSpace(data))
	if text[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	switch text {
	case "NaN":
		*n = Number(math.NaN())
	case "Infinity", "+Infinity", "INF":
		*n = Number(math.Inf(1))
	case "-Infinity", "-INF":
		*n = Number(math.Inf(-1))
	default:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !json.Valid([]byte(text)) { // JSON has no hexadecimal numbers, and no words for infinity
			return fmt.Errorf("%.40s is not a number", data)
		}
		*n = Number(f)
	}
	return nil
}

// A Series is the values of one time series, a step apart. A missing one is nil; an empty one is written [].
type Series []Number

// MarshalJSON writes no values as [].
func (s Series) MarshalJSON() ([]byte, error) {
	if len(s) == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal([]Number(s))
}

// floats copies the values.
func (s Series) floats() []float64 {
	f := make([]float64, len(s))
	for i, n := range s {
		f[i] = float64(n)
	}
	return f
}
