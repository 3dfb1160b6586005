package gatewayapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	kjson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster"
	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// held is what the annotation on a route says: which targets have their hands on it, and who owned its rules before.
type held struct {
	Targets   map[string]record `json:"targets,omitempty"`
	Owners    []hands.Owner     `json:"owners,omitempty"`
	Returning bool              `json:"returning,omitempty"` // the rules are handed back, their ownership is not yet
}

// A record is what is ordered of one target, and its rules as the user wrote them.
type record struct {
	Traffic  plan.Traffic                     `json:"traffic"`
	Pools    map[plan.TrackName]plan.PoolName `json:"pools,omitempty"`
	Services services                         `json:"services"`
	With     json.RawMessage                  `json:"with,omitempty"`
	Changed  time.Time                        `json:"changed"` // when the route was last told something new
	Edits    []edited                         `json:"edits,omitempty"`
}

// An edited rule is one as the user wrote it, and the digests of the rules that stand for it: one in front for each match of the
// order (empty where no request of the rule can meet it), and the one that splits.
type edited struct {
	Found rule     `json:"found"`
	Wrote []string `json:"wrote"`
}

// newRecord keeps an order, apart from what its owner does with it later.
func newRecord(o router.Order, s Settings, tracks services, now time.Time) (record, error) {
	with, err := json.Marshal(s) // in one form, whatever the user's blanks
	return record{Traffic: o.Traffic.Clone(), Pools: maps.Clone(o.Pools), Services: tracks, With: with, Changed: now}, err
}

// readHeld reads the annotation. A route without one has nobody's hands on it.
func readHeld(route client.Object) (held, error) {
	h := held{Targets: map[string]record{}}
	note, ok := route.GetAnnotations()[cluster.TrafficAnnotation]
	if !ok {
		return h, nil
	}
	if err := kjson.Unmarshal([]byte(note), &h); err != nil {
		return h, &cluster.Problem{
			Reason: cluster.RouteUnfit,
			Text:   fmt.Sprintf("the annotation %s of %s cannot be read: %v", cluster.TrafficAnnotation, title(route), err),
			Remedy: "set the route's rules as they should be and remove the annotation",
		}
	}
	return h, nil
}

// write leaves the annotation on a route, or takes it away when nobody's hands are on it.
func (h held) write(route client.Object) error {
	notes := route.GetAnnotations()
	if len(h.Targets) == 0 && !h.Returning {
		delete(notes, cluster.TrafficAnnotation)
		route.SetAnnotations(notes)
		return nil
	}
	note, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("write annotation of %s: %w", title(route), err)
	}
	if notes == nil {
		notes = map[string]string{}
	}
	notes[cluster.TrafficAnnotation] = string(note)
	route.SetAnnotations(notes)
	return nil
}

// targets returns those of the route in order.
func (h held) targets() []string { return slices.Sorted(maps.Keys(h.Targets)) }

// plain reports whether the traffic is what a route without serin would do.
func plain(t plan.Traffic) bool {
	return t.Shares[plan.Stable] == plan.Whole && len(t.Matches) == 0 && t.Mirror == nil
}

// mark tells the rules of different targets of a route apart.
func mark(target string) string {
	sum := sha256.Sum256([]byte(target))
	return mine + hex.EncodeToString(sum[:4]) + "-"
}
