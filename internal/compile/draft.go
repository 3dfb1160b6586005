package compile

import (
	"encoding/json"
	"time"

	"serin.dev/serin/internal/plan"
)

// A Draft is one release policy as a dialect read it: moves in the user's words, each with its Origin.
type Draft struct {
	Name      string      // the Canary's name, also the prefix of its releases
	Namespace string      // empty where there are none
	Origin    plan.Origin // of the Canary
	Target    Target
	Router    plan.Use // "proxy" in stand-alone, with its settings
	RouterAt  plan.Origin
	Sticky    *plan.Sticky // without Salt: the release adds it; nil: every request is dealt anew
	StickyAt  plan.Origin
	Strategy  Strategy
	StratAt   plan.Origin
	Moves     []Move          // empty: the strategy's defaults
	Analyses  []plan.Analysis // without From and To
	Hooks     []plan.Hook     // of the whole release
	// Groups says who may approve, by name of the group. A group that is not listed here is known elsewhere, or nowhere.
	Groups map[string][]string
	// Deadline is how long a step's state may take to be reached before the step fails. 0: 10 minutes, and 2 where requests
	// wait for it.
	Deadline time.Duration
	// Patience is how long a gate waits on ignorance (too little data, or none) before a person is asked. 0: 1 hour.
	Patience time.Duration
}

// What a Draft that is silent means.
const (
	DefaultDeadline = 10 * time.Minute
	DefaultOutage   = 2 * time.Minute // while nobody gets requests
	DefaultPatience = time.Hour
)

// A Target is what is released, as the user's file describes it now.
type Target struct {
	Kind, Name string
	Namespace  string          // on a cluster; empty where there are none
	Canary     string          // kind Service: the second of the pair, which the new version stands behind
	Replicas   int             // full size, at least 1
	Revision   plan.Revision   // [version-] and 8 hexadecimal digits of the template's SHA-256
	Template   json.RawMessage // canonical JSON, without replicas: a changed size is no new revision
	Origin     plan.Origin
}

// Key names the target among all others: "Process/checkout", or on a cluster "Deployment/shop/checkout".
func (t Target) Key() string {
	if t.Namespace != "" {
		return t.Kind + "/" + t.Namespace + "/" + t.Name
	}
	return t.Kind + "/" + t.Name
}

// A Strategy is the shape of a release.
type Strategy string

// The strategies.
const (
	Weighted  Strategy = "weighted"  // a growing share of the requests goes to the canary
	BlueGreen Strategy = "blueGreen" // the canary stands at full size beside stable, then everything moves at once
	Mirror    Strategy = "mirror"    // copies of requests first, then weights
	Matched   Strategy = "ab"        // requests that match a header, cookie or path go to the canary
	Recreate  Strategy = "recreate"  // stable is stopped before the new revision starts; requests wait meanwhile
	Rolling   Strategy = "rolling"   // capacity moves from stable to canary in batches, the share follows
)

// Strategies lists them all.
func Strategies() []Strategy {
	return []Strategy{Weighted, BlueGreen, Mirror, Matched, Recreate, Rolling}
}

// A Move is one entry of the user's list of steps. What it does not mention stays as it was, with one exception: copies
// (Mirror) end when the canary gets requests of its own.
type Move struct {
	Name   string
	Origin plan.Origin
	// Places are the origins of single fields of the move ("weight", "mirror", "match", "capacity", "approve", ...).
	Places map[string]plan.Origin

	Weight   *plan.Share    // the canary's share of the requests
	Mirror   *plan.Share    // the share of all requests that is copied to the canary
	Matches  []plan.Match   // nil: as before; empty: none from here on
	Capacity *plan.Capacity // at least this much canary from here on; nil: what the shares need
	Stop     bool           // stable goes away and requests wait; only recreation does this

	Hold    time.Duration  // how long the state is held once it is reached
	Approve *plan.Approved // a person has to agree
	Proven  bool           // leave only when every analysis has passed
	Hooks   []plan.Hook
}

// At returns the place of one of the move's fields, or of the move itself where it has no place of its own.
func (m Move) At(field string) plan.Origin {
	if at, ok := m.Places[field]; ok {
		return at
	}
	return m.Origin
}

// Abilities are what the chosen router and workload can do.
type Abilities struct{ Router, Workload plan.Features }
