package progress

import (
	"time"

	"serin.dev/serin/internal/plan"
)

// Format is the number of the present JSON form of Release.
const Format = 1

// A Release is what people and their programs see of a release. See the package documentation for units and stability.
type Release struct {
	Format  int           `json:"format"`
	Name    string        `json:"name"`   // "checkout-3"
	Canary  string        `json:"canary"` // the policy: "checkout"
	Target  string        `json:"target"` // "Process/checkout"
	Number  int           `json:"number"`
	Attempt int           `json:"attempt,omitempty"` // of this revision, from 1
	From    plan.Revision `json:"from,omitempty"`    // empty: the first release
	To      plan.Revision `json:"to"`

	Headline string     `json:"headline"` // what happens and what is awaited, in plain words
	Phase    plan.Phase `json:"phase"`
	Doing    string     `json:"doing"` // the same in a few words: "holding at 20%", "waiting for approval at 50%"
	Rule     Rule       `json:"rule"`  // why it does that
	At       time.Time  `json:"at"`    // when all this was true
	Created  time.Time  `json:"created"`
	Ended    time.Time  `json:"ended,omitzero"`

	Step     int    `json:"step"`  // held or approached; 0 is where the release came from
	Steps    int    `json:"steps"` // the number of the last one
	StepName string `json:"stepName"`
	Rail     []Step `json:"rail"`

	Tracks  []Track  `json:"tracks"`
	Pending string   `json:"pending,omitempty"` // why the router does not yet do what is intended
	Special []string `json:"special,omitempty"` // what the router does besides the split: matches, mirror, sticky users

	Analyses []Analysis `json:"analyses"`
	Waiting  *Waiting   `json:"waiting,omitempty"`
	Failure  *Failure   `json:"failure,omitempty"`
	Outlook  *Outlook   `json:"outlook,omitempty"`
	Trouble  string     `json:"trouble,omitempty"` // why the last try to observe or act did not work
	Next     string     `json:"next,omitempty"`    // a newer revision that waits for its turn

	Acts    []Act   `json:"acts,omitempty"`
	Events  []Event `json:"events,omitempty"`  // oldest first
	Hooks   []Hook  `json:"hooks,omitempty"`   // oldest first
	History []Line  `json:"history,omitempty"` // finished releases of the target, newest last
}

// Actor is who acted on the release last, or "".
func (r Release) Actor() string {
	if len(r.Acts) == 0 {
		return ""
	}
	return r.Acts[len(r.Acts)-1].Actor
}

// A StepState is where a step stands on the way.
type StepState string

// The states of a step.
const (
	Done    StepState = "done"
	Current StepState = "current" // held, or approached
	Next    StepState = "next"
	Skipped StepState = "skipped" // passed over by a promotion, or never to be reached
	Failed  StepState = "failed"  // the release went back from here
)

// A Step is one desired state of the plan.
type Step struct {
	Index int       `json:"index"`
	Name  string    `json:"name"`
	State StepState `json:"state"`
	Share float64   `json:"share"`           // per cent of requests meant for the canary
	Until []string  `json:"until,omitempty"` // what has to hold before it is left: "2m", "proof", "approval by sre"
	Place Place     `json:"place,omitzero"`  // the user's field
}

// A Track is a part that a revision plays: its instances and its traffic.
type Track struct {
	Name      plan.TrackName `json:"name"`
	Revision  plan.Revision  `json:"revision"`
	Pool      plan.PoolName  `json:"pool"`
	Wanted    int            `json:"wanted"`            // replicas the step asks for; 0: they leave
	Ready     int            `json:"ready"`             // replicas that can serve
	Running   int            `json:"running"`           // replicas that exist in any state
	Trouble   string         `json:"trouble,omitempty"` // why replicas are not ready
	Instances []Instance     `json:"instances,omitempty"`
	Traffic   Traffic        `json:"traffic"`
}

// An Instance answers requests.
type Instance struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
	Busy int    `json:"busy,omitempty"` // requests under way
}

// Traffic is a track's share of the requests, in per cent.
type Traffic struct {
	Intended float64  `json:"intended"`           // by the step
	Applied  float64  `json:"applied"`            // acknowledged by the router
	Observed *float64 `json:"observed,omitempty"` // measured; absent: not measured
}

// An Analysis is a question asked of the metrics, and the latest answer.
type Analysis struct {
	Name     string       `json:"name"`
	Judge    string       `json:"judge"`
	Source   string       `json:"source"`
	Every    string       `json:"every"`             // between two looks: "5s"
	Looking  bool         `json:"looking"`           // at the present step
	Verdict  plan.Outcome `json:"verdict,omitempty"` // empty: no look yet
	Evidence float64      `json:"evidence"`          // on the scale of limit
	Limit    float64      `json:"limit"`             // evidence that rolls back
	Reason   string       `json:"reason,omitempty"`
	Passed   time.Time    `json:"passed,omitzero"` // when it gave leave to promote
	Dark     time.Time    `json:"dark,omitzero"`   // since when it lacks data
	Metrics  []Metric     `json:"metrics"`
	Trail    *plan.Trail  `json:"trail,omitempty"` // what it saw on its way, thinned; absent: no look yet
	Place    Place        `json:"place,omitzero"`
}

// A Metric is the part of an analysis that speaks about one metric.
type Metric struct {
	Name     string       `json:"name"`
	Verdict  plan.Outcome `json:"verdict"`
	Unit     string       `json:"unit,omitempty"` // "ratio" or "seconds"
	Stable   float64      `json:"stable"`
	Canary   float64      `json:"canary"`
	Effect   float64      `json:"effect"`          // canary over stable; 1 is no difference, 0: not known
	Low      float64      `json:"low"`             // always-valid interval of the effect
	High     float64      `json:"high"`            //
	Limit    float64      `json:"limit,omitempty"` // the effect that is tolerated; 0: none is compared
	Evidence float64      `json:"evidence"`        // on the scale of the analysis's limit
	N        Counts       `json:"n"`
	Needs    int64        `json:"needs,omitempty"` // about how many more canary requests decide; 0: not known
}

// Counts are the requests seen on each side.
type Counts struct {
	Stable int64 `json:"stable"`
	Canary int64 `json:"canary"`
}

// Waiting says what a release waits for, and how that ends.
type Waiting struct {
	For   string    `json:"for"` // "readiness", "route", "drain", "time", "verdict", "data", "approval", "person"
	Text  string    `json:"text"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`  // zero: no deadline
	Then  string    `json:"then,omitempty"`  // what happens at the deadline: "rolls back", "goes on", "asks a person"
	EndBy string    `json:"endBy,omitempty"` // the command that ends it now: "serin approve checkout"
	Asked bool      `json:"asked,omitempty"` // a person was asked to decide
	Place Place     `json:"place,omitzero"`  // the user's field behind it
}

// A Failure is why a release went, or goes, back.
type Failure struct {
	Reason string    `json:"reason"` // "AnalysisFailed", "NotReady", "Aborted", "Rejected", "ApprovalExpired", "Superseded"
	Text   string    `json:"text"`
	Step   int       `json:"step"` // where it happened
	At     time.Time `json:"at"`
	Place  Place     `json:"place,omitzero"`
}

// A Rule is the rule of the engine that decides at present.
type Rule struct {
	Name string `json:"name"` // "analysis failed"
	Text string `json:"text"` // what it says
}

// An Outlook is when a release ends if nothing is wrong.
type Outlook struct {
	Earliest time.Time `json:"earliest"`
	Plus     []string  `json:"plus,omitempty"` // what takes as long as it takes: "proof", "approval by sre". Empty: nothing but time
}

// A Place is a field in the user's own files.
type Place struct {
	Object string `json:"object,omitempty"` // "Canary checkout"
	Field  string `json:"field,omitempty"`  // "spec.steps[2].weight"
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"` // from 1; 0: not known
}

// An Event is one thing that happened to a release.
type Event struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"` // "StepReached", "RolledBack", ...
	Text   string    `json:"text"`
	Step   int       `json:"step"`
}

// A Hook is somebody who has to be told, and how far that has come.
type Hook struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"`  // "slack", "webhook"
	Event    string    `json:"event"` // "entered", "promoted", ...
	Step     int       `json:"step"`
	At       time.Time `json:"at"`
	State    string    `json:"state"` // "pending", "under way", "told", "failed", "interrupted"
	Attempts int       `json:"attempts,omitempty"`
	Error    string    `json:"error,omitempty"`
}

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

// An Act is something a person does to a release: what a client sends, and what is told about it later.
type Act struct {
	Verb   plan.Verb `json:"verb"`
	Actor  string    `json:"actor"`
	Reason string    `json:"reason,omitempty"`
	Step   *int      `json:"step,omitempty"` // the step it is meant for; absent: the present one
	At     time.Time `json:"at,omitzero"`    // when it was recorded; a client leaves it out
}

// Retry starts a release of a revision again that was sent back. It acts on the target, not on the release that is over,
// and so is no word of the engine.
const Retry plan.Verb = "retry"

// A List is what GET /v1/releases answers: the latest release of each target.
type List struct {
	Items []Release `json:"items"`
}
