package traefik

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"serin.dev/serin/internal/cluster/hands"
	"serin.dev/serin/internal/plan"
)

// A record is what the annotation on a TraefikService says: what is ordered, and of which target.
type record struct {
	Target   string                           `json:"target"`
	Traffic  plan.Traffic                     `json:"traffic"`
	Pools    map[plan.TrackName]plan.PoolName `json:"pools,omitempty"`
	Services map[plan.TrackName]string        `json:"services"`
	Port     intstr.IntOrString               `json:"port"`
	With     json.RawMessage                  `json:"with,omitempty"`
	// Deal tells one deal of the cookies from the next: a user who kept the cookie of an earlier release, or of one that was sent
	// back, must not come straight to the next canary.
	Deal    string    `json:"deal,omitempty"`
	Changed time.Time `json:"changed"` // when Traefik was last told something new
}

// readRecord reads the annotation; the record of a TraefikService without one names no target.
func readRecord(ts client.Object) (record, error) {
	var rec record
	err := hands.ReadNote(ts, &rec, "remove the annotation")
	return rec, err
}

// next is the record of an order that follows the present one.
func (rec record) next(o order, now time.Time) (record, error) {
	with, err := json.Marshal(o.settings) // in one form, whatever the user's blanks
	n := record{
		Target: o.target, Traffic: o.Traffic.Clone(), Pools: maps.Clone(o.Pools), Services: o.Services, Port: rec.Port, With: with,
		Deal: rec.Deal, Changed: rec.Changed,
	}
	if o.settings.Port != nil {
		n.Port = *o.settings.Port
	}
	if n.Traffic.Sticky == nil {
		n.Deal = ""
	} else if rec.deals(n.Traffic) {
		sum := sha256.Sum256([]byte(n.Traffic.Sticky.Salt + now.Format(time.RFC3339Nano)))
		n.Deal = hex.EncodeToString(sum[:4])
	}
	return n, err
}

// deals reports whether users are dealt anew: another release begins, or this one had come back to stable.
func (rec record) deals(next plan.Traffic) bool {
	home := func(t plan.Traffic) bool { return t.Shares[plan.Stable] == plan.Whole }
	return rec.Deal == "" || rec.Traffic.Sticky == nil || *rec.Traffic.Sticky != *next.Sticky || home(rec.Traffic) && !home(next)
}

// cookie is the name of the cookie that keeps users on their track.
func (rec record) cookie() string { return rec.Traffic.Sticky.Cookie + "-" + rec.Deal }

// equal reports whether two records say the same, whenever that was said.
func (rec record) equal(other record) bool {
	rec.Changed, other.Changed = time.Time{}, time.Time{}
	return same(rec, other)
}

// same compares values as they are written in JSON.
func same(a, b any) bool {
	one, errOne := json.Marshal(a)
	other, errOther := json.Marshal(b)
	return errOne == nil && errOther == nil && bytes.Equal(one, other)
}
