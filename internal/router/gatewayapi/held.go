package gatewayapi

import (
	"encoding/json"
	"maps"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/router"
)

// held is what the annotation on a route says.
type held = hands.Held[record]

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

func readHeld(route client.Object) (held, error) {
	return hands.ReadHeld[record](route, "set the route's rules as they should be and remove the annotation")
}

// plain reports whether the traffic is what a route without serin would do.
func plain(t plan.Traffic) bool {
	return t.Shares[plan.Stable] == plan.Whole && len(t.Matches) == 0 && t.Mirror == nil
}

// mark tells the rules of different targets of a route apart.
func mark(target string) string { return mine + hands.Mark(target) + "-" }
