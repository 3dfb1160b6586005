package istio

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
)

// held is what the annotation on a VirtualService says: which targets have their hands on it, and who owned its routes before.
type held struct {
	Targets   map[string]record `json:"targets,omitempty"`
	Owners    []hands.Owner     `json:"owners,omitempty"`
	Returning bool              `json:"returning,omitempty"` // the routes are handed back, their ownership is not yet
}

// A record is what is ordered of one target, and its routes as the user wrote them.
type record struct {
	Traffic  plan.Traffic                     `json:"traffic"`
	Pools    map[plan.TrackName]plan.PoolName `json:"pools,omitempty"`
	Services map[plan.TrackName]string        `json:"services"`
	With     json.RawMessage                  `json:"with,omitempty"`
	Changed  time.Time                        `json:"changed"` // when the VirtualService was last told something new
	Edits    []edit                           `json:"edits,omitempty"`
}

// readHeld reads the annotation. A VirtualService without one has nobody's hands on it.
func readHeld(vs *unstructured.Unstructured) (held, error) {
	h := held{Targets: map[string]record{}}
	note, ok := vs.GetAnnotations()[cluster.TrafficAnnotation]
	if !ok {
		return h, nil
	}
	if err := kjson.Unmarshal([]byte(note), &h); err != nil {
		return h, &cluster.Problem{
			Reason: cluster.RouteUnfit,
			Text:   fmt.Sprintf("the annotation %s of %s cannot be read: %v", cluster.TrafficAnnotation, title(vs), err),
			Remedy: "set its routes as they should be and remove the annotation",
		}
	}
	if h.Targets == nil {
		h.Targets = map[string]record{}
	}
	return h, nil
}

// write leaves the annotation on a VirtualService, or takes it away when nobody's hands are on it.
func (h held) write(vs *unstructured.Unstructured) error {
	notes := vs.GetAnnotations()
	if len(h.Targets) == 0 && !h.Returning {
		delete(notes, cluster.TrafficAnnotation)
		vs.SetAnnotations(notes)
		return nil
	}
	note, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("write annotation of %s: %w", title(vs), err)
	}
	if notes == nil {
		notes = map[string]string{}
	}
	notes[cluster.TrafficAnnotation] = string(note)
	vs.SetAnnotations(notes)
	return nil
}

// targets returns those of the VirtualService in order.
func (h held) targets() []string { return slices.Sorted(maps.Keys(h.Targets)) }

// clone is apart from what happens to the held later.
func (h held) clone() held {
	h.Targets = maps.Clone(h.Targets)
	h.Owners = slices.Clone(h.Owners)
	return h
}

// mark tells the routes of different targets apart.
func mark(target string) string {
	sum := sha256.Sum256([]byte(target))
	return mine + hex.EncodeToString(sum[:4]) + "-"
}

// same compares values as they are written in JSON: numbers by value, objects whatever the order of their fields.
func same(a, b any) bool {
	one, errOne := json.Marshal(a)
	other, errOther := json.Marshal(b)
	return errOne == nil && errOther == nil && bytes.Equal(one, other)
}
