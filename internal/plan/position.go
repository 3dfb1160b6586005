package plan

import "time"

// A Position is where a release stands. Together with its Plan it is all the engine needs to go on, so a new controller
// that reads both continues where the last one was killed. Times are wall-clock times of decisions, never of memory.
type Position struct {
	Step    int       `json:"step"`              // the step that is held or approached
	Entered time.Time `json:"entered,omitzero"`  // when the step became the one to hold
	Arrived time.Time `json:"arrived,omitzero"`  // when its state was first reached; zero: not yet. Gates count from here
	Phase   Phase     `json:"phase"`             //
	Short   time.Time `json:"short,omitzero"`    // since when the state does not hold; zero while it does
	Waiting *Waiting  `json:"waiting,omitempty"` // what is awaited; nil only when the release is over
	Failure *Failure  `json:"failure,omitempty"` // why it went, or goes, back
	Paused  *Act      `json:"paused,omitempty"`  // a person holds it
	Ended   time.Time `json:"ended,omitzero"`    // when the last state was reached

	Passed  map[string]time.Time `json:"passed,omitempty"`  // analyses that gave leave to promote, and when
	Dark    map[string]time.Time `json:"dark,omitempty"`    // analyses that are insufficient or unavailable, and since when
	Granted map[int]Act          `json:"granted,omitempty"` // approvals by step
	Asked   bool                 `json:"asked,omitempty"`   // a person was asked, because a deadline without data passed
	Acted   int                  `json:"acted,omitempty"`   // number of actions already taken into account
}

// A Phase says in one word what a release is doing.
type Phase string

// The phases. The last three are final.
const (
	Progressing Phase = "Progressing" // on the way to a state, or waiting at one
	RollingBack Phase = "RollingBack"
	Succeeded   Phase = "Promoted"
	Returned    Phase = "RolledBack"
	Superseded  Phase = "Superseded" // a newer revision took its place; traffic is back on stable
)

// Over reports whether the phase is final.
func (p Phase) Over() bool { return p == Succeeded || p == Returned || p == Superseded }

// A Waiting says what a release waits for. Every wait has a reason, an exit and a deadline (or says why it has none).
type Waiting struct {
	For   string    `json:"for"`             // "readiness", "route", "drain", "time", "verdict", "data", "approval", "person"
	Text  string    `json:"text"`            // in plain words
	Since time.Time `json:"since"`           //
	Until time.Time `json:"until,omitzero"`  // zero: no deadline
	Then  string    `json:"then,omitempty"`  // what happens at the deadline: "rolls back", "goes on", "asks a person"
	EndBy string    `json:"endBy,omitempty"` // the command that ends it: "serin approve checkout"
	Field string    `json:"field,omitempty"` // the user's field behind it
}

// A Failure is the reason a release goes back.
type Failure struct {
	Reason  string    `json:"reason"` // "AnalysisFailed", "NotReady", "Aborted", "Rejected", "ApprovalExpired", "Superseded"
	Text    string    `json:"text"`
	Step    int       `json:"step"` // where it happened
	At      time.Time `json:"at"`
	Field   string    `json:"field,omitempty"`
	Verdict *Verdict  `json:"verdict,omitempty"`
}

// An Act is something a person (or a program on behalf of one) did to a release.
type Act struct {
	Verb   Verb      `json:"verb"`
	Actor  string    `json:"actor"`
	Groups []string  `json:"groups,omitempty"` // of the actor, as far as somebody vouches for them
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	Step   *int      `json:"step,omitempty"` // the step it is meant for; nil: the present one
	ID     string    `json:"id,omitempty"`   // of the object that asked for it: the same is not done twice; empty: no object
}

// A Verb is what a person can do to a release.
type Verb string

// The verbs.
const (
	Promote Verb = "promote" // skip all that remains, in safe order
	Pause   Verb = "pause"   // hold here until resumed; evidence may still roll back
	Resume  Verb = "resume"  // go on after a pause, or after the release asked for a decision
	Abort   Verb = "abort"   // go back to stable
	Approve Verb = "approve"
	Reject  Verb = "reject"
)
