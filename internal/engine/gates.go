package engine

import (
	"fmt"
	"time"

	"serin.dev/serin/internal/plan"
)

// pending reports whether the gate is still shut, and if so says what is awaited or sends the release back.
func (d *decision) pending(g plan.Gate) bool {
	switch g := g.(type) {
	case plan.After:
		return d.untilTime(g)
	case plan.Passed:
		return d.untilPassed(g)
	case plan.Approved:
		return d.untilApproved(g)
	}
	panic(fmt.Sprintf("engine: gate %T is of no known kind", g)) // the set is closed; see plan.Gate
}

func (d *decision) untilTime(g plan.After) bool {
	until := d.at.Arrived.Add(g.Hold)
	if !d.seen.Now.Before(until) {
		return false
	}
	d.await(plan.Waiting{For: "time", Text: fmt.Sprintf("holds %s for %s", d.step().Name, g.Hold), Since: d.at.Arrived, Until: until, Then: "goes on", EndBy: "serin promote"})
	return true
}

// untilPassed holds on ignorance for ever, and asks a person once its deadline is over.
func (d *decision) untilPassed(g plan.Passed) bool {
	_, passed := d.at.Passed[g.Analysis]
	v, looked := d.seen.Verdicts[g.Analysis]
	dark, isDark := d.at.Dark[g.Analysis]
	if g.Proven && passed || !g.Proven && looked && !isDark {
		return false
	}
	w := plan.Waiting{For: "verdict", Text: "the analysis has not decided yet", Since: d.at.Arrived, EndBy: "serin promote or serin abort", Field: d.field(g.Analysis)}
	if looked && v.Reason != "" {
		w.Text = v.Reason
	}
	if isDark || !looked {
		w.For = "data"
		w.Since = later(d.at.Arrived, dark)
	}
	if until := w.Since.Add(g.Within); d.seen.Now.Before(until) {
		w.Until, w.Then = until, "asks a person"
	} else {
		d.ask(w.Text)
	}
	d.await(w)
	return true
}

// untilApproved goes back when nobody answers in time. A rejection never gets here: hear sends it back at once.
func (d *decision) untilApproved(g plan.Approved) bool {
	if _, ok := d.at.Granted[d.at.Step]; ok {
		return false
	}
	who := "anyone"
	if g.Group != "" {
		who = "group " + g.Group
	}
	w := plan.Waiting{For: "approval", Text: "waits for approval by " + who, Since: d.at.Arrived, EndBy: "serin approve or serin reject"}
	if g.Within > 0 {
		w.Until, w.Then = d.at.Arrived.Add(g.Within), "rolls back"
		if !d.seen.Now.Before(w.Until) {
			d.back(plan.Failure{Reason: "ApprovalExpired", Text: fmt.Sprintf("no approval by %s within %s", who, g.Within), Field: d.step().Origin.Field})
			return true
		}
	}
	d.await(w)
	d.ask(w.Text)
	return true
}

func (d *decision) field(analysis string) string {
	for _, a := range d.p.Analyses {
		if a.Name == analysis {
			return a.Origin.Field
		}
	}
	return ""
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
