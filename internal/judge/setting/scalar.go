package setting

import (
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Ratio reads "1.1x", or 1.1, which must be at least 1.
func (o *Object) Ratio(field string, into *float64) {
	text, ok := o.scalar(field)
	if !ok {
		return
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "x")), 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		o.Refuse(field, "%q is not a ratio; write for instance 1.1x", text)
		return
	}
	if value < 1 {
		o.Refuse(field, "%s is below 1x, which tolerates no equal release", text)
		return
	}
	*into = value
}

// Percent reads "0.02%" as 0.0002; it must be between 0 and 100.
func (o *Object) Percent(field string, into *float64) {
	text, ok := o.scalar(field)
	if !ok {
		return
	}
	number, signed := strings.CutSuffix(text, "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !signed && value != 0 || math.IsNaN(value) {
		o.Refuse(field, "%q is not a percentage; write for instance 0.5%%", text)
		return
	}
	if value < 0 || value > 100 {
		o.Refuse(field, "%s is not between 0%% and 100%%", text)
		return
	}
	*into = value / 100
}

// Duration reads "500ms" or "1m30s", which must be positive, into seconds.
func (o *Object) Duration(field string, into *float64) {
	text, ok := o.scalar(field)
	if !ok {
		return
	}
	value, err := time.ParseDuration(text)
	if err != nil {
		o.Refuse(field, "%q is not a duration; write for instance 500ms", text)
		return
	}
	if value <= 0 {
		o.Refuse(field, "%s is not positive", text)
		return
	}
	*into = value.Seconds()
}

// Count reads a whole number between least and most.
func (o *Object) Count(field string, into *int, least, most int) {
	text, ok := o.scalar(field)
	if !ok {
		return
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < least || value > most {
		o.Refuse(field, "%q is not a whole number between %d and %d", text, least, most)
		return
	}
	*into = value
}

// Choice reads one of the given words.
func (o *Object) Choice(field string, into *string, words ...string) {
	text, ok := o.scalar(field)
	if !ok {
		return
	}
	for _, word := range words {
		if text == word {
			*into = text
			return
		}
	}
	o.Refuse(field, "%q is not one of %s", text, strings.Join(words, ", "))
}

// scalar returns the text of a field that is present; null reads as absent.
func (o *Object) scalar(field string) (string, bool) {
	value := o.find(field)
	if value == nil || value.Tag == "!!null" {
		return "", false
	}
	if value.Kind != yaml.ScalarNode {
		o.Refuse(field, "must be a single value")
		return "", false
	}
	return strings.TrimSpace(value.Value), true
}
