package report

import (
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// Schema names the JSON form of a Record. Fields are only added; a change of meaning is another schema.
const Schema = "https://serin.dev/schema/report/1"

// An Outcome is what became of a release.
type Outcome string

// The outcomes.
const (
	Promoted   Outcome = "promoted"
	RolledBack Outcome = "rolledBack"
	Superseded Outcome = "superseded"
	UnderWay   Outcome = "underWay"
)

// A Record is the verdict on one release, and how it came to be.
type Record struct {
	Schema  string        `json:"schema"`
	Release string        `json:"release"`
	Canary  string        `json:"canary"`
	Target  string        `json:"target"`
	Attempt int           `json:"attempt,omitempty"`
	From    plan.Revision `json:"from,omitempty"` // absent: the first release
	To      plan.Revision `json:"to"`

	Outcome Outcome        `json:"outcome"`
	Cause   string         `json:"cause,omitempty"` // why it went back: "AnalysisFailed", "Rejected", ...
	Reason  string         `json:"reason"`          // one or two sentences
	Place   progress.Place `json:"place,omitzero"`  // the user's field that decided

	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
	At    time.Time `json:"at"`   // when this was true
	Took  float64   `json:"took"` // seconds until its end, or until now

	Steps    []Step              `json:"steps"`
	Analyses []progress.Analysis `json:"analyses"`
	Events   []progress.Event    `json:"events"`
	Acts     []progress.Act      `json:"acts,omitempty"`
	Hooks    []progress.Hook     `json:"hooks,omitempty"`
}

// A Step is where the release went, and when.
type Step struct {
	Index   int                `json:"index"`
	Name    string             `json:"name"`
	State   progress.StepState `json:"state"`
	Share   float64            `json:"share"`            // per cent of requests meant for the canary
	Entered time.Time          `json:"entered,omitzero"` // absent: never
	Reached time.Time          `json:"reached,omitzero"` // when the state it wants was there
	Place   progress.Place     `json:"place,omitzero"`
}

// Of makes the record of a release.
func Of(r progress.Release) Record {
	record := Record{
		Schema: Schema, Release: r.Name, Canary: r.Canary, Target: r.Target, Attempt: r.Attempt, From: r.From, To: r.To,
		Outcome: outcome(r.Phase), Reason: r.Headline, Began: r.Created, Ended: r.Ended, At: r.At,
		Steps: steps(r), Analyses: r.Analyses, Events: append([]progress.Event{}, r.Events...), Acts: r.Acts, Hooks: r.Hooks,
	}
	if record.Analyses == nil {
		record.Analyses = []progress.Analysis{}
	}
	if f := r.Failure; f != nil {
		record.Cause, record.Place = f.Reason, f.Place
	}
	end := r.Ended
	if end.IsZero() {
		end = r.At
	}
	record.Took = end.Sub(r.Created).Seconds()
	return record
}

func outcome(phase plan.Phase) Outcome {
	switch phase {
	case plan.Succeeded:
		return Promoted
	case plan.Returned:
		return RolledBack
	case plan.Superseded:
		return Superseded
	}
	return UnderWay
}

// steps finds in the log when each step was entered and reached, for the first time.
func steps(r progress.Release) []Step {
	all := []Step{}
	for _, s := range r.Rail {
		all = append(all, Step{Index: s.Index, Name: s.Name, State: s.State, Share: s.Share, Place: s.Place})
	}
	for _, e := range r.Events {
		if e.Step < 0 || e.Step >= len(all) {
			continue
		}
		switch s := &all[e.Step]; {
		case e.Reason == "StepEntered" && s.Entered.IsZero(), e.Reason == "ReleaseStarted":
			s.Entered = e.At
		case e.Reason == "StepReached" && s.Reached.IsZero():
			s.Reached = e.At
		}
	}
	return all
}

// String is the outcome in words.
func (o Outcome) String() string {
	switch o {
	case RolledBack:
		return "rolled back"
	case UnderWay:
		return "under way"
	}
	return string(o)
}

// title is what a report is about.
func (r Record) title() string {
	text := r.Canary + " " + string(r.To)
	if r.From != "" {
		text += " over " + string(r.From)
	}
	return text
}

func (r Record) took() string { return progress.Brief(time.Duration(r.Took * float64(time.Second))) }
