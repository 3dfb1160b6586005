package hands

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	kjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
)

// ReadNote reads the annotation that serin leaves on what it has its hands on; where there is none, into stays as it is. remedy
// helps with one that cannot be read.
func ReadNote(o client.Object, into any, remedy string) error {
	note, ok := o.GetAnnotations()[cluster.TrafficAnnotation]
	if !ok {
		return nil
	}
	if err := kjson.Unmarshal([]byte(note), into); err != nil {
		return &cluster.Problem{
			Reason: cluster.RouteUnfit, Remedy: remedy,
			Text: fmt.Sprintf("the annotation %s of %s cannot be read: %v", cluster.TrafficAnnotation, Title(o), err),
		}
	}
	return nil
}

// WriteNote leaves the annotation on an object, or takes it away where there is nothing to remember.
func WriteNote(o client.Object, note any) error {
	notes := maps.Clone(o.GetAnnotations())
	if note == nil {
		delete(notes, cluster.TrafficAnnotation)
		o.SetAnnotations(notes)
		return nil
	}
	text, err := json.Marshal(note)
	if err != nil {
		return fmt.Errorf("write annotation of %s: %w", Title(o), err)
	}
	if notes == nil {
		notes = map[string]string{}
	}
	notes[cluster.TrafficAnnotation] = string(text)
	o.SetAnnotations(notes)
	return nil
}

// Held is the note on a user's route: what is remembered of each target that has its hands on it, and who owned its rules before.
type Held[R any] struct {
	Targets   map[string]R `json:"targets,omitempty"`
	Owners    []Owner      `json:"owners,omitempty"`
	Returning bool         `json:"returning,omitempty"` // the rules are handed back, their ownership is not yet
}

// ReadHeld reads the note. A route without one has nobody's hands on it.
func ReadHeld[R any](route client.Object, remedy string) (Held[R], error) {
	h := Held[R]{Targets: map[string]R{}}
	err := ReadNote(route, &h, remedy)
	if h.Targets == nil {
		h.Targets = map[string]R{}
	}
	return h, err
}

// Write leaves the note on a route, or takes it away when nobody's hands are on it.
func (h Held[R]) Write(route client.Object) error {
	if len(h.Targets) == 0 && !h.Returning {
		return WriteNote(route, nil)
	}
	return WriteNote(route, h)
}

// Names returns the targets in order.
func (h Held[R]) Names() []string { return slices.Sorted(maps.Keys(h.Targets)) }

// Clone is apart from what happens to the held later.
func (h Held[R]) Clone() Held[R] {
	h.Targets, h.Owners = maps.Clone(h.Targets), slices.Clone(h.Owners)
	return h
}

// Mark is the part of a name that tells what serin made for one target of an object from what it made for another.
func Mark(target string) string {
	sum := sha256.Sum256([]byte(target))
	return hex.EncodeToString(sum[:4])
}
