package istio

import (
	"bytes"
	"encoding/json"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
)

// held is what the annotation on a VirtualService says.
type held = hands.Held[record]

// A record is what is ordered of one target, and its routes as the user wrote them.
type record struct {
	Traffic  plan.Traffic                     `json:"traffic"`
	Pools    map[plan.TrackName]plan.PoolName `json:"pools,omitempty"`
	Services map[plan.TrackName]string        `json:"services"`
	With     json.RawMessage                  `json:"with,omitempty"`
	Changed  time.Time                        `json:"changed"` // when the VirtualService was last told something new
	Edits    []edit                           `json:"edits,omitempty"`
}

func readHeld(vs client.Object) (held, error) {
	return hands.ReadHeld[record](vs, "set its routes as they should be and remove the annotation")
}

// mark tells the routes of different targets apart.
func mark(target string) string { return mine + hands.Mark(target) + "-" }

// same compares values as they are written in JSON: numbers by value, objects whatever the order of their fields.
func same(a, b any) bool {
	one, errOne := json.Marshal(a)
	other, errOther := json.Marshal(b)
	return errOne == nil && errOther == nil && bytes.Equal(one, other)
}
