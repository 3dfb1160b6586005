package stream

import (
	"encoding/json"
	"maps"

	"serin.dev/serin/internal/judge"
)

// readings joins the two ways in which a line may carry answers to queries: {"readings":{"a":{"value":0.97}}}, which can also say
// why there is no answer ({"error":"..."}), and the short {"values":{"a":0.97}}. Where a metric stands in both, the long one counts.
func readings(long map[string]judge.Reading, short map[string]json.RawMessage) map[string]judge.Reading {
	if len(long) == 0 && len(short) == 0 {
		return nil
	}
	all := make(map[string]judge.Reading, len(long)+len(short))
	for name, value := range short {
		all[name] = judge.Reading{Value: value}
	}
	maps.Copy(all, long)
	return all
}
