package execution

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// An Instant is a moment, in JSON as Java writes them: "2026-03-01T12:00:00Z", or seconds as a number. Zero is null.
type Instant struct{ time.Time }

// UnmarshalJSON reads a moment.
func (i *Instant) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	*i = Instant{}
	if string(data) == "null" || string(data) == `""` {
		return nil
	}
	if data[0] != '"' {
		seconds, err := strconv.ParseFloat(string(data), 64)
		if err != nil || !(seconds >= 0 && seconds < 1e11) {
			return fmt.Errorf("%.40s is no moment, as in \"2026-03-01T12:00:00Z\"", data)
		}
		i.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("%.40q is no moment, as in \"2026-03-01T12:00:00Z\"", text)
	}
	i.Time = at.UTC()
	return nil
}

// MarshalJSON writes a moment.
func (i Instant) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(iso(i.Time))
}

// iso writes a moment as Java's Instant does: whole seconds, or thousandths.
func iso(at time.Time) string {
	at = at.UTC()
	if at.Nanosecond()/1e6 == 0 {
		return at.Format("2006-01-02T15:04:05Z")
	}
	return at.Format("2006-01-02T15:04:05.000Z")
}

// A Whole is a whole number, which clients may write as a text; "" is 0.
type Whole int64

// UnmarshalJSON reads a whole number.
func (w *Whole) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(bytes.TrimSpace(data), `"`))
	if text == "" || text == "null" {
		*w = 0
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != float64(int64(f)) || f < -1e12 || f > 1e12 {
		return fmt.Errorf("%.40s is no whole number", data)
	}
	*w = Whole(f)
	return nil
}
