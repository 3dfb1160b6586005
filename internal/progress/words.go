package progress

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Brief writes a duration without empty units and without more precision than people read: "2m", "1h5m", "350ms".
func Brief(d time.Duration) string {
	switch size := d.Abs(); {
	case size >= time.Hour:
		d = d.Round(time.Minute)
	case size >= time.Second:
		d = d.Round(time.Second)
	default:
		d = d.Round(time.Millisecond)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Clock writes a time of day in now's location: with seconds while they matter (ten minutes around now), with the date on
// another day.
func Clock(t, now time.Time) string {
	t = t.In(now.Location())
	apart := t.Sub(now).Abs()
	switch y, d := t.Year(), t.YearDay(); {
	case y != now.Year():
		return t.Format("2006-01-02 15:04")
	case d != now.YearDay() && apart > 10*time.Minute:
		return t.Format("Jan 2 15:04")
	case apart <= 10*time.Minute:
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

// Number writes a number with three digits: "2.1", "1.03", "112".
func Number(x float64) string {
	switch a := math.Abs(x); {
	case a >= 1e6:
		return strconv.FormatFloat(x, 'g', 3, 64)
	case a >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a == 0:
		return "0"
	}
	return strconv.FormatFloat(rounded(x), 'f', -1, 64)
}

// rounded keeps three significant digits.
func rounded(x float64) float64 {
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}

// Amount writes a metric's value in its unit: "0.4%", "212ms".
func Amount(v float64, unit string) string {
	switch {
	case unit == "ratio":
		return Number(100*v) + "%"
	case unit == "seconds" && v < 1:
		return Number(1000*v) + "ms"
	case unit == "seconds":
		return Number(v) + "s"
	}
	return Number(v)
}

// Count writes a number of requests in at most four characters or so: "860", "4.1k", "91k", "2.3M".
func Count(n int64) string {
	switch x := float64(n); {
	case n < 1000:
		return strconv.FormatInt(n, 10)
	case n < 9950:
		return strconv.FormatFloat(math.Round(x/100)/10, 'f', -1, 64) + "k"
	case n < 999500:
		return strconv.FormatFloat(math.Round(x/1000), 'f', 0, 64) + "k"
	default:
		return strconv.FormatFloat(math.Round(x/1e5)/10, 'f', -1, 64) + "M"
	}
}

// Percent writes a share of the requests: "12.5%".
func Percent(share float64) string {
	return strconv.FormatFloat(math.Round(share*10)/10, 'f', -1, 64) + "%"
}

// String writes a place the way compilers do, so that editors find it: "app.yaml:14: spec.judge".
func (p Place) String() string {
	var parts []string
	switch {
	case p.File != "" && p.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d", p.File, p.Line))
	case p.File != "":
		parts = append(parts, p.File)
	case p.Object != "":
		parts = append(parts, p.Object)
	}
	if p.Field != "" {
		parts = append(parts, p.Field)
	}
	return strings.Join(parts, ": ")
}

// sentence makes a sentence of a text: a capital at its beginning, a full stop at its end.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	first, n := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[n:]
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// addressed completes the commands that the engine names with the release they are for, which the engine does not know:
// "serin promote or serin abort" becomes "serin promote checkout or serin abort checkout".
func addressed(commands, canary string) string {
	return regexp.MustCompile(`\bserin (\w+)`).ReplaceAllString(commands, "serin $1 "+canary)
}
