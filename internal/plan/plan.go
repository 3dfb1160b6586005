package plan

import (
	"encoding/json"
	"time"
)

// A Plan is one release, compiled: desired states to hold in order, and what is analysed meanwhile.
// It is immutable: a changed spec makes a new release with a new plan.
//
// Step 0 is where the release starts from (stable has everything), the last step is where it ends.
type Plan struct {
	Target   string     `json:"target"` // "Process/checkout": what is released, one owner at a time
	Stable   Revision   `json:"stable"` // the revision in production when the release began; empty on the first release
	Canary   Revision   `json:"canary"` // the revision being released
	Steps    []Step     `json:"steps"`
	Analyses []Analysis `json:"analyses,omitempty"`
	Hooks    []Hook     `json:"hooks,omitempty"` // told when the release as a whole comes to an event

	// Promotion is the first of the steps that make the canary's revision the stable one. A person who promotes skips to it.
	Promotion int `json:"promotion"`
}

// Reversible reports whether the step can still go back to where the release came from.
func (p Plan) Reversible(step int) bool { return p.Steps[step].Rollback != step }

// A Step is a desired state, what must hold before it is left, and where to go when it fails.
type Step struct {
	Name     string        `json:"name"`
	Origin   Origin        `json:"origin"` // the user's object and field, for every message about this step
	Desired  State         `json:"desired"`
	Until    []Gate        `json:"-"` // After, Passed, Approved; all must hold. Encoded by StepJSON.
	Hooks    []Hook        `json:"hooks,omitempty"`
	Within   time.Duration `json:"within,omitempty"` // how long the state may take to be reached; then the step fails. 0: no limit
	Rollback int           `json:"rollback"`         // the step to hold on failure; itself when there is nowhere safer
}

// A State says which revision runs on which track, with what capacity, and who gets the traffic.
type State struct {
	Tracks  []Track `json:"tracks"`
	Traffic Traffic `json:"traffic"`
}

// Track returns the named track of the state.
func (s State) Track(name TrackName) (Track, bool) {
	for _, t := range s.Tracks {
		if t.Name == name {
			return t, true
		}
	}
	return Track{}, false
}

// A TrackName is the part a revision plays in a release.
type TrackName string

// The tracks every release knows. Further canaries are named by the user.
const (
	Stable   TrackName = "stable"
	Canary   TrackName = "canary"
	Baseline TrackName = "baseline"
)

// A Revision identifies one immutable version of the target's template, for instance "v42" or a digest.
type Revision string

// A PoolName says where a track's instances live. Where promotion renames (processes, ReplicaSets) a pool is a
// revision, so that a canary becomes stable without moving; where promotion replaces (a Deployment in place) it is a
// track. The compiler decides; the engine only compares names.
type PoolName string

// A Track is a revision with a part to play, and the capacity it needs for that.
type Track struct {
	Name     TrackName `json:"name"`
	Revision Revision  `json:"revision"`
	Pool     PoolName  `json:"pool"`
	Capacity Capacity  `json:"capacity"`
}

// A Capacity is how much of a target a track runs: a share of its full size, or an exact number of replicas.
// The zero Capacity is nothing at all.
type Capacity struct {
	Share    Share `json:"share,omitempty"`    // of the target's full size, rounded up
	Replicas int   `json:"replicas,omitempty"` // exact; wins over Share when positive
}

// Full is the capacity that can carry all traffic.
var Full = Capacity{Share: Whole}

// Of returns the number of replicas the capacity means for a target of the given full size: rounded up, so that a
// positive capacity is at least one replica.
func (c Capacity) Of(full int) int {
	if c.Replicas > 0 {
		return c.Replicas
	}
	return (int(c.Share)*full + int(Whole) - 1) / int(Whole)
}

// An Origin is the place in the user's own files that a message speaks about, like an entry of a source map.
type Origin struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`   // from 1; 0 when unknown
	Column int    `json:"column,omitempty"` // from 1; 0 when unknown
	Object string `json:"object,omitempty"` // "Canary checkout"
	Field  string `json:"field,omitempty"`  // "spec.steps[2].weight", or a word such as "promotion" where the compiler added the step
}

// An Analysis is a question asked of the metrics again and again while steps From to To (inclusive) are held.
type Analysis struct {
	Name   string        `json:"name"`
	Origin Origin        `json:"origin"`
	From   int           `json:"from"`
	To     int           `json:"to"`
	Every  time.Duration `json:"every"` // between two looks
	Source Use           `json:"source"`
	Judge  Use           `json:"judge"`

	Queries []Query `json:"queries,omitempty"` // of the user's own, whose answers the judge weighs
}

// A Query is a question of the user's own, asked of a metric store while its analysis looks. Times are from the beginning of
// the analysis.
type Query struct {
	Name   string        `json:"name"`             // of the judge's metric that the answer is for
	Every  time.Duration `json:"every,omitempty"`  // between two askings; 0: it is asked once
	After  time.Duration `json:"after,omitempty"`  // of the first asking
	Retry  time.Duration `json:"retry,omitempty"`  // after an asking that brought no answer; 0: when it is due anyway
	Window time.Duration `json:"window,omitempty"` // what it looks back on, where it says so
	Source Use           `json:"source"`
}

// A Use names a back end (a metric store, a judge, a notifier) and carries its own settings, which that back end alone
// decodes, strictly.
type Use struct {
	Kind string          `json:"kind"`
	With json.RawMessage `json:"with,omitempty"`
}

// A Hook is told once: a step's hook when the step is entered, a plan's hook at its event.
type Hook struct {
	Name   string `json:"name"`
	Origin Origin `json:"origin"`
	On     Event  `json:"on"`
	Use    Use    `json:"use"`
}

// An Event is something that happened to a release.
type Event string

// What a hook can wait for.
const (
	Entered    Event = "entered"    // the step was reached and its state holds
	RolledBack Event = "rolledBack" // the release went back to stable, for whatever reason
	Promoted   Event = "promoted"   // the new revision is stable
	NeedsYou   Event = "needsYou"   // the release asks for a person: an approval, or a decision without enough data
)
