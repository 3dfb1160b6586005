package simulation

import (
	"fmt"
	"io"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// A Transcript tells what happens to one release, one line each, with the time since it began.
type Transcript struct {
	Out   io.Writer
	lines int           // of the log that were shown
	told  map[wait]bool // waits that were shown
}

// A wait is what was told already.
type wait struct {
	step int
	what string
}

// Show writes what is new. A wait is told once per step: in bad weather releases fall short and recover again and again.
func (t *Transcript) Show(status releases.Status, now time.Time) {
	if t.Out == nil || len(status.Log) == 0 {
		return
	}
	began := status.Log[0].At
	line := func(at time.Time, what, text string) {
		fmt.Fprintf(t.Out, "%10s  %-14s  %s\n", at.Sub(began).Round(100*time.Millisecond), what, text)
	}
	for _, e := range status.Log[min(len(status.Log), t.lines):] {
		if e.Reason != "Waiting" {
			line(e.At, e.Reason, e.Text)
		}
	}
	t.lines = len(status.Log)
	at := status.Position
	if w := at.Waiting; w != nil && w.For != "route" && !t.told[wait{at.Step, w.For}] {
		if t.told == nil {
			t.told = map[wait]bool{}
		}
		t.told[wait{at.Step, w.For}] = true
		line(now, "", waits(*w, began))
	}
}

func waits(w plan.Waiting, began time.Time) string {
	text := w.Text
	if !w.Until.IsZero() {
		text += fmt.Sprintf(" (until %s, then %s)", w.Until.Sub(began).Round(100*time.Millisecond), w.Then)
	}
	return text
}
