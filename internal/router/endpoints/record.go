package endpoints

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/plan"
)

// A record is what the annotation on a Service says: what is ordered, and of which target.
type record struct {
	Target  string                           `json:"target"`
	Traffic plan.Traffic                     `json:"traffic"`
	Pools   map[plan.TrackName]plan.PoolName `json:"pools,omitempty"`
	Chosen  map[plan.TrackName]int           `json:"chosen"` // how many pods of each track come nearest to that
	With    json.RawMessage                  `json:"with,omitempty"`
	Changed time.Time                        `json:"changed"` // when data planes were last told something new
}

// readRecord reads the annotation; the record of a Service without one names no target.
func readRecord(s *corev1.Service) (record, error) {
	var rec record
	note, ok := s.Annotations[cluster.TrafficAnnotation]
	if !ok {
		return rec, nil
	}
	if err := json.Unmarshal([]byte(note), &rec); err != nil {
		return rec, &cluster.Problem{
			Reason: cluster.RouteUnfit, Text: fmt.Sprintf("the annotation %s of %s cannot be read: %v", cluster.TrafficAnnotation, title(s), err),
			Remedy: "remove the annotation",
		}
	}
	return rec, nil
}

// next is the record of an order that follows the present one.
func (rec record) next(o order, chosen map[plan.TrackName]int) (record, error) {
	with, err := json.Marshal(o.settings) // in one form, whatever the user's blanks
	return record{
		Target: o.target, Traffic: o.Traffic.Clone(), Pools: maps.Clone(o.Pools), Chosen: chosen, With: with, Changed: rec.Changed,
	}, err
}

// note is the record as it is written.
func (rec record) note() (string, error) {
	note, err := json.Marshal(rec)
	if err != nil {
		return "", fmt.Errorf("write annotation of %s: %w", rec.Target, err)
	}
	return string(note), nil
}
