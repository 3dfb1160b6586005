package execution

import (
	"slices"
	"time"
)

// A Status is how an execution or one of its stages stands, in Orca's words.
type Status string

// The statuses.
const (
	NotStarted Status = "NOT_STARTED"
	Running    Status = "RUNNING"
	Succeeded  Status = "SUCCEEDED"
	Terminal   Status = "TERMINAL" // failed
	Canceled   Status = "CANCELED"
)

// Over reports whether there is nothing left to do.
func (s Status) Over() bool { return s == Succeeded || s == Terminal || s == Canceled }

// Progress is how far an execution has come.
type Progress struct {
	Head      *Head      `json:"head,omitempty"` // repeated, so that orders, which may be large, need not be read to know them
	Status    Status     `json:"status"`
	Started   time.Time  `json:"started,omitzero"`
	Ended     time.Time  `json:"ended,omitzero"`
	Deadline  time.Time  `json:"deadline,omitzero"`
	Stages    []Stage    `json:"stages,omitempty"`
	Exception *Exception `json:"exception,omitempty"`

	Archived    bool      `json:"archived,omitempty"`
	ArchiveAt   time.Time `json:"archiveAt,omitzero"` // when to try again
	ArchiveTrys int       `json:"archiveTrys,omitempty"`
}

// A Stage is one piece of work.
type Stage struct {
	Ref       string    `json:"ref"`
	Type      string    `json:"type"`
	Name      string    `json:"name"`
	Status    Status    `json:"status"`
	Started   time.Time `json:"started,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
	Until     time.Time `json:"until,omitzero"` // not to be looked at before
	Attempts  int       `json:"attempts,omitempty"`
	Output    string    `json:"output,omitempty"`    // the id of what it left
	Execution string    `json:"execution,omitempty"` // the canary that it runs
	Warnings  []string  `json:"warnings,omitempty"`
	Score     *float64  `json:"score,omitempty"`
}

// An Exception says why an execution ended early, as Orca does.
type Exception struct {
	Type        string  `json:"exceptionType"`
	Operation   string  `json:"operation,omitempty"` // the stage
	Timestamp   int64   `json:"timestamp,omitempty"`
	ShouldRetry bool    `json:"shouldRetry"`
	Details     Details `json:"details"`
}

// Details are the texts of an exception.
type Details struct {
	Error  string   `json:"error"`
	Errors []string `json:"errors"`
}

// clone copies what may be changed.
func (p Progress) clone() Progress {
	p.Stages = slices.Clone(p.Stages)
	return p
}

// stage finds a stage.
func (p *Progress) stage(ref string) *Stage {
	for i := range p.Stages {
		if p.Stages[i].Ref == ref {
			return &p.Stages[i]
		}
	}
	return nil
}

// left are the stages that come next: the first that is not over, and with a fetch all other fetches, which do not wait for
// each other.
func (p *Progress) left() []Stage {
	var all []Stage
	for _, s := range p.Stages {
		if s.Status.Over() {
			continue
		}
		if len(all) > 0 && (s.Type != fetchType || all[0].Type != fetchType) {
			break
		}
		all = append(all, s)
	}
	return all
}

// end ends what is not over. A failed analysis has gathered its result before.
func (p *Progress) end(s Status, now time.Time, why *Exception) {
	p.Status, p.Ended = s, now
	if last := p.stage(gatherRef); last != nil && s == Terminal {
		last.Status, last.Started, last.Ended = Succeeded, now, now
	}
	if p.Exception == nil {
		p.Exception = why
	}
	for i := range p.Stages {
		if p.Stages[i].Status == Running {
			p.Stages[i].Status, p.Stages[i].Ended = Canceled, now
		}
	}
}

func exception(kind, operation, text string, now time.Time) *Exception {
	return &Exception{
		Type: kind, Operation: operation, Timestamp: now.UnixMilli(),
		Details: Details{Error: "Unexpected Task Failure", Errors: []string{text}},
	}
}
