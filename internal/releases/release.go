package releases

import (
	"encoding/json"
	"time"

	"serin.dev/serin/internal/judge/share"
	"serin.dev/serin/internal/plan"
)

// Format is the number of the present format at rest.
const Format = 1

// A Target is something that is released again and again.
type Target struct {
	Key      string        `json:"key"`                // "Process/checkout"
	Owner    string        `json:"owner"`              // the Canary that releases it; the first one wins
	Stable   plan.Revision `json:"stable"`             // the revision in production; empty before the first release stood
	Full     int           `json:"full"`               // replicas that carry all traffic
	Router   plan.Use      `json:"router"`             // how requests get there
	Source   plan.Use      `json:"source"`             // where stable is watched between releases; empty: nowhere
	Latest   string        `json:"latest"`             // its newest release
	Number   int           `json:"number"`             // of that release
	Waiting  plan.Revision `json:"waiting,omitempty"`  // a newer revision that begins when the latest release is over
	Rejected plan.Revision `json:"rejected,omitempty"` // the last revision that was sent back: not tried again until asked to
	History  []Line        `json:"history,omitempty"`  // finished releases, newest last, at most HistoryLimit
}

// HistoryLimit bounds how many finished releases a target remembers.
const HistoryLimit = 50

// A Line is a finished release in one line.
type Line struct {
	Release string        `json:"release"`
	From    plan.Revision `json:"from,omitempty"`
	To      plan.Revision `json:"to"`
	Phase   plan.Phase    `json:"phase"`
	Reason  string        `json:"reason,omitempty"`
	Began   time.Time     `json:"began"`
	Ended   time.Time     `json:"ended"`
}

// A Release is one attempt to bring a target to a revision. It never changes.
type Release struct {
	Format    int                               `json:"format"`
	Name      string                            `json:"name"`   // "checkout-3"
	Canary    string                            `json:"canary"` // the Canary it came from
	Target    string                            `json:"target"`
	Number    int                               `json:"number"`
	Attempt   int                               `json:"attempt"` // of this revision, from 1
	Created   time.Time                         `json:"created"`
	Plan      plan.Plan                         `json:"plan"`
	Templates map[plan.Revision]json.RawMessage `json:"templates"` // of every revision in the plan
	Groups    map[string][]string               `json:"groups,omitempty"`
}

// A Status is where a release stands.
type Status struct {
	Position plan.Position       `json:"position"`
	Acts     []plan.Act          `json:"acts,omitempty"`     // what people did, in order
	Evidence map[string]Evidence `json:"evidence,omitempty"` // by analysis
	Outbox   []Entry             `json:"outbox,omitempty"`   // hooks that have to be told, and those that were
	Log      []Event             `json:"log,omitempty"`      // what happened, oldest first, at most LogLimit
	Trouble  string              `json:"trouble,omitempty"`  // why the last try to observe or act did not work; empty when it did
}

// LogLimit bounds how many events a release remembers; the middle is dropped, never the beginning or the end.
const LogLimit = 200

// Evidence is the checkpoint of one analysis: the judge's state together with the counters it has seen, so that a new
// process takes up where the last one was killed and the looks missed in between become one.
type Evidence struct {
	Began    time.Time       `json:"began"`    // when the analysis began; looks count seconds from here
	Looked   time.Time       `json:"looked"`   // when it was last looked at
	State    json.RawMessage `json:"state"`    // of the judge
	Counters json.RawMessage `json:"counters"` // the last snapshot, by track and instance
	Verdict  plan.Verdict    `json:"verdict"`
	Looks    int             `json:"looks"`
	Share    share.State     `json:"share,omitzero"` // of the requests, as counted while the state of the step held
	Trail    plan.Trail      `json:"trail,omitzero"` // thinned, for reports

	Asked map[string]Asking `json:"asked,omitempty"` // queries of the user's own, by name
}

// An Asking is when a query was last asked, and whether that brought no answer.
type Asking struct {
	At     time.Time `json:"at"`
	Failed bool      `json:"failed,omitempty"`
}

// An Entry is one hook that has to be told.
type Entry struct {
	Key      string     `json:"key"` // the same for every try
	Hook     plan.Hook  `json:"hook"`
	Event    plan.Event `json:"event"`
	Step     int        `json:"step"`
	Text     string     `json:"text"`
	At       time.Time  `json:"at"`
	State    Telling    `json:"state"`
	Attempts int        `json:"attempts,omitempty"`
	Next     time.Time  `json:"next,omitzero"` // not before
	Error    string     `json:"error,omitempty"`
}

// A Telling is how far the telling of a hook has come.
type Telling string

// The states of a telling. One that was under way when its process died is not repeated: it may have arrived.
const (
	Pending     Telling = "pending"
	UnderWay    Telling = "under way"
	Told        Telling = "told"
	Failed      Telling = "failed"      // given up after several tries
	Interrupted Telling = "interrupted" // nobody knows whether it arrived
)

// An Event is one thing that happened to a release.
type Event struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"` // "StepReached", "RolledBack", ...
	Text   string    `json:"text"`
	Step   int       `json:"step"`
}

// Remember adds an event to the log.
func (s *Status) Remember(e Event) {
	s.Log = append(s.Log, e)
	if len(s.Log) > LogLimit {
		s.Log = append(s.Log[:LogLimit/2], s.Log[LogLimit/2+1:]...)
	}
}
