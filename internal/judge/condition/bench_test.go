package condition_test

import (
	"encoding/json"
	"testing"

	"serin.dev/serin/internal/judge"
	"serin.dev/serin/internal/judge/condition"
)

var settings = json.RawMessage(`{"metrics": [
	{"name": "a", "interval": "1s", "success": "len(result) > 0 && result[0] >= 0.95", "failure": "any(result, # < 0.5)"},
	{"name": "b", "interval": "1s", "success": "isNaN(result) || result < 5"}]}`)

// What a round of reconcile pays for a judge: it is made of its settings for every look.
func BenchmarkMake(b *testing.B) {
	for b.Loop() {
		c, err := condition.Decode(settings)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := condition.New(c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLook(b *testing.B) {
	c, err := condition.Decode(settings)
	if err != nil {
		b.Fatal(err)
	}
	j, err := condition.New(c)
	if err != nil {
		b.Fatal(err)
	}
	s := j.Start()
	look := judge.Look{Readings: map[string]judge.Reading{"a": {Value: json.RawMessage("[0.97]")}, "b": {Value: json.RawMessage("3")}}}
	for b.Loop() {
		look.T++
		s, _ = j.Look(s, look)
	}
}
