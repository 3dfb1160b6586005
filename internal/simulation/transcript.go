package simulation

import (
	"fmt"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// show writes what is new, one line each, with the simulated time since the release began. A wait is told once per step:
// in bad weather releases fall short and recover again and again.
func (s *simulation) show(p plan.Plan, status releases.Status) {
	if s.Out == nil || p.Stable == "" || len(status.Log) == 0 {
		return
	}
	began := status.Log[0].At
	line := func(at time.Time, what, text string) {
		fmt.Fprintf(s.Out, "%10s  %-14s  %s\n", at.Sub(began).Round(100*time.Millisecond), what, text)
	}
	for _, e := range status.Log[min(len(status.Log), s.lines):] {
		if e.Reason != "Waiting" {
			line(e.At, e.Reason, e.Text)
		}
	}
	s.lines = len(status.Log)
	at := status.Position
	if w := at.Waiting; w != nil && w.For != "route" && !s.told[wait{at.Step, w.For}] {
		s.told[wait{at.Step, w.For}] = true
		line(s.world.Now(), "", waits(*w, began))
	}
}

// A wait is what was told already.
type wait struct {
	step int
	what string
}

func waits(w plan.Waiting, began time.Time) string {
	text := w.Text
	if !w.Until.IsZero() {
		text += fmt.Sprintf(" (until %s, then %s)", w.Until.Sub(began).Round(100*time.Millisecond), w.Then)
	}
	return text
}
