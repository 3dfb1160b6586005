package detect

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Write prints the tables in Markdown.
func (r *Results) Write(out io.Writer, command string) error {
	p := &page{out: out, r: r}
	p.say("# Detection: false rollbacks and blast radius\n\nMade by `%s`.\n%s", command, preface)
	p.targets()
	good, bad := func(f *Family) bool { return f.Good }, func(f *Family) bool { return !f.Good }
	p.table("False rollbacks, % of good releases (95 % Wilson interval)", good, func(s Summary, _ *Family) string {
		return fmt.Sprintf("%.2f (%.2f–%.2f)", 100*s.Found(), 100*s.Low, 100*s.High)
	})
	p.table("Blast radius: requests the bad version was sent until it was rolled back, mean / 95th percentile"+
		" (found within the hour, where below 99.5 %)", bad, blast)
	p.table("Seconds to rollback, median of those rolled back", bad, func(s Summary, _ *Family) string { return number(s.RollAt) })
	p.table("Extra failures until rollback, mean", func(f *Family) bool { return !f.Good && !f.Blind && f.Drag == nil && f.Orders == Orders{} },
		func(s Summary, _ *Family) string { return fmt.Sprintf("%.3g", s.Extra) })
	p.leave()
	p.bounds()
	return p.err
}

const preface = `
Every family is played over looks each 5 s for an hour unless its name says otherwise, after half an hour of history of stable,
and all policies read the very same looks. Weights follow the clock, not the policy.

*serin* is the judge of an empty settings file, but for orders and memory, which are judged where a family counts them;
*objective 99 %* adds an objective of availability and plays where traffic is scarce or stable suffers as well; *no tolerance*
takes the tolerances away and plays where latency is what the canary harms. Flagger and Argo ask each minute for 99 % of
success and, where latency is measured, for p99 below a limit chosen with care; Flagger acts an interval after its last check.
Kayenta compares points of 15 s with a baseline of the canary's size, over a window that grows, each five minutes. The z tests
are pooled, one-sided and of failures (of requests above the limit where latency is what differs): at 1 % at every look; with
the boundary that one plain release in a hundred ever reaches; and Pocock's for twelve looks. The Dirichlet mSPRT is the
multinomial test of counts, concentration 100. The oracle knows both true distributions and runs Wald's test on them at the
same error of 1 %; it treats failures as independent, so in families with bursts and unequal pods no fair test comes near it.

A canary that loses a part of its requests is held, not rolled back, for users may have been led elsewhere: what counts is that leave
to promote it is taken away. Bad releases are played twice as often where there is a bound to compare with; what is on the edge of harm
is played by serin alone as often as good releases, for leave to promote it is what counts there.

The judge's constants were chosen on other seeds while looking at the families without a mark. Those marked † were written
afterwards and changed nothing: they are the validation set.
`

type page struct {
	out io.Writer
	r   *Results
	err error
}

func (p *page) say(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *page) row(cells ...string) { p.say("%s", "| "+strings.Join(cells, " | ")+" |\n") }

func (p *page) head(title string, cells ...string) {
	p.say("\n## %s\n\n", title)
	p.row(cells...)
	p.say("%s\n", "|"+strings.Repeat("---|", len(cells)))
}

func (p *page) targets() {
	p.head("Targets", "quantity", "target", "measured", "holds")
	for _, m := range p.r.Marks() {
		holds := "yes"
		if !m.Holds {
			holds = "**no**"
		}
		p.row(m.Quantity, m.Bar, m.Measured, holds)
	}
}

// table has a row for each wanted family and a column for each policy.
func (p *page) table(title string, wanted func(*Family) bool, cell func(Summary, *Family) string) {
	names := []string{"family"}
	for _, m := range p.r.Makers {
		names = append(names, m.Name)
	}
	p.head(title, names...)
	p.r.each(wanted, func(row *Row) {
		cells := []string{row.Family.title()}
		for _, m := range p.r.Makers {
			text := ""
			if s := row.By[m.Name]; s.Releases > 0 {
				text = cell(s, &row.Family)
			}
			cells = append(cells, text)
		}
		p.row(cells...)
	})
}

func (f *Family) title() string {
	if f.Unseen {
		return "† " + f.Name
	}
	return f.Name
}

func blast(s Summary, _ *Family) string {
	text := fmt.Sprintf("%.0f / %.0f", s.Blast, s.Blast95)
	if s.Found() < 0.995 {
		text += fmt.Sprintf(" (%.0f %%)", 100*s.Found())
	}
	return text
}

func (p *page) leave() {
	p.head("Leave to promote, serin", "family", "truth", "before any rollback, %", "median seconds", "median canary requests",
		"after the last look, %", "taken away for good, median seconds")
	p.r.each(func(*Family) bool { return true }, func(row *Row) {
		s, truth := row.By[Own], "bad"
		switch {
		case row.Family.Good:
			truth = "good"
		case row.Family.Edge:
			truth = "edge of harm"
		}
		p.row(row.Family.title(), truth, fmt.Sprintf("%.1f", 100*s.Let()), number(s.PassAt), number(s.PassAfter),
			fmt.Sprintf("%.1f", 100*share(s.Leave, s.Releases)), number(s.TookAt))
	})
}

// bounds compares serin with what is possible, and with the others.
func (p *page) bounds() {
	p.head("Blast radius of serin against the bounds and the others",
		"family", "ln(1/α)/KL", "times that", "times the oracle", "fewer than Flagger", "than Argo, limit 3", "than Kayenta")
	p.r.each(func(f *Family) bool { return !f.Good }, func(row *Row) {
		own, least, times := row.By[Own].Blast, "–", "–"
		if b := row.Family.Bound(); b > 0 {
			least, times = fmt.Sprintf("%.0f", b), fmt.Sprintf("%.2f", own/b)
		}
		cells := []string{row.Family.title(), least, times, fmt.Sprintf("%.2f", own/row.By[Oracle].Blast)}
		for _, rival := range []string{Flagger, Argo, Kayenta} {
			cells = append(cells, fmt.Sprintf("%.1f", row.By[rival].Blast/own))
		}
		p.row(cells...)
	})
}

func number(x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf("%.0f", x)
}
