package simulation

import (
	"fmt"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/releases"
)

// show writes what is new, one line each, with the simulated time since the release began.
func (s *simulation) show(p plan.Plan, status releases.Status) {
	if s.Out == nil || p.Stable == "" {
		return
	}
	at, old := status.Position, s.shown
	s.shown = at
	began := status.Log[0].At
	for _, e := range status.Log[min(len(status.Log), s.lines):] {
		fmt.Fprintf(s.Out, "%8s  %-15s %s\n", e.At.Sub(began).Round(100*time.Millisecond), e.Reason, e.Text)
	}
	s.lines = len(status.Log)
	if w := at.Waiting; w != nil && (old.Waiting == nil || old.Waiting.For != w.For || old.Step != at.Step) && w.For != "verdict" {
		fmt.Fprintf(s.Out, "%8s  %-15s %s\n", s.world.Now().Sub(began).Round(100*time.Millisecond), "  waits", waits(*w, began))
	}
}

func waits(w plan.Waiting, began time.Time) string {
	text := w.Text
	if !w.Until.IsZero() {
		text += fmt.Sprintf(" (until %s, then %s)", w.Until.Sub(began).Round(100*time.Millisecond), w.Then)
	}
	return text
}
