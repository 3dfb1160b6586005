package replay

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/releases"
)

// A Result is what a spec would have decided.
type Result struct {
	Start     time.Time        `json:"start"`
	Decided   time.Time        `json:"decided,omitzero"` // when it turned back, or promoted; absent: it did neither
	Phase     plan.Phase       `json:"phase"`            // what it came to, or still does
	Reason    string           `json:"reason"`
	Step      int              `json:"step"`      // at which it decided
	Look      int              `json:"look"`      // after how many looks
	Before    Passed           `json:"before"`    // what was counted from the beginning of the release until it decided
	Recording Passed           `json:"recording"` // and until the end of the recording
	Release   progress.Release `json:"release"`
}

// note takes down the moment of a decision.
func (r *Result) note(status releases.Status, gone Passed, looks int) {
	at := status.Position
	r.Phase = at.Phase
	if !r.Decided.IsZero() {
		return
	}
	switch {
	case at.Failure != nil:
		r.Decided, r.Reason, r.Step = at.Failure.At, at.Failure.Text, at.Failure.Step
	case at.Phase == plan.Succeeded:
		r.Decided, r.Step = at.Ended, at.Step
	case at.Waiting != nil:
		r.Reason, r.Step, r.Look = at.Waiting.Text, at.Step, looks
		return
	default:
		return
	}
	r.Look, r.Before = looks, gone
}

// Later is what was counted after the decision.
func (r Result) Later() (stable, canary Count) {
	return r.Recording.Stable.minus(r.Before.Stable), r.Recording.Canary.minus(r.Before.Canary)
}

// Saved is how many failed requests a rollback at that moment would have saved: those that would not have failed on stable.
func (r Result) Saved() int64 {
	if r.Phase != plan.Returned && r.Phase != plan.RollingBack {
		return 0
	}
	_, canary := r.Later()
	return max(0, canary.Failures-int64(math.Round(float64(canary.Requests)*r.Recording.Stable.rate())))
}

// Print writes the result in a few lines.
func (r Result) Print(w io.Writer) error {
	var b strings.Builder
	moment := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
	what := fmt.Sprintf("would have promoted at %s", moment(r.Decided))
	switch {
	case r.Decided.IsZero():
		what = fmt.Sprintf("the recording ends at %s and nothing is decided: %s", moment(r.Recording.At), r.Reason)
	case r.Phase != plan.Succeeded:
		what = fmt.Sprintf("would have rolled back at %s", moment(r.Decided))
	}
	fmt.Fprint(&b, what)
	if !r.Decided.IsZero() {
		fmt.Fprintf(&b, ", %s after it began, at look %d", progress.Brief(r.Decided.Sub(r.Start)), r.Look)
	}
	fmt.Fprintf(&b, "\nuntil then: canary %s; stable %s\n", r.Before.Canary, r.Before.Stable)
	if _, canary := r.Later(); !r.Decided.IsZero() && r.Phase != plan.Succeeded {
		fmt.Fprintf(&b, "after that, until %s: canary %s\n", moment(r.Recording.At), canary)
		fmt.Fprintf(&b, "saved: %d requests would not have met the new revision, and about %d of them would not have failed\n", canary.Requests, r.Saved())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c Count) String() string {
	return fmt.Sprintf("%d requests, %d failed (%s)", c.Requests, c.Failures, progress.Amount(c.rate(), "ratio"))
}
