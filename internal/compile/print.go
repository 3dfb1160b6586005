package compile

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"serin.dev/serin/internal/plan"
)

// Print writes the plan as a table: one line per step with its desired state, what it waits for, where it goes on
// failure and which field of the user it comes from; below, what is analysed, what is told, and how long it all takes at
// least. Replicas is the target's full size; 0 prints capacities as shares.
func Print(w io.Writer, p plan.Plan, replicas int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", p.Target, headline(p))
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "\tstep\tdesired state\ttraffic\tuntil\ton failure\tfrom")
	for i, s := range p.Steps {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", i, s.Name, tracks(s.Desired, replicas), routed(s.Desired.Traffic), until(s), onFailure(p, i), s.Origin.Field)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	spelled(&b, p)
	for _, a := range p.Analyses {
		fmt.Fprintf(&b, "analysis %s, steps %d-%d: %s, every %s, counted by %s  (%s)\n", a.Name, a.From, a.To, judged(a), brief(a.Every), a.Source.Kind, a.Origin.Field)
		for _, q := range a.Queries {
			fmt.Fprintf(&b, "  query %s: %s, asked of %s %s\n", q.Name, asked(q), q.Source.Kind, q.Source.With)
		}
	}
	for _, h := range p.Hooks {
		fmt.Fprintf(&b, "on %s: tell %s by %s  (%s)\n", h.On, h.Name, h.Use.Kind, h.Origin.Field)
	}
	for i, s := range p.Steps {
		for _, h := range s.Hooks {
			fmt.Fprintf(&b, "on %s of step %d: tell %s by %s  (%s)\n", h.On, i, h.Name, h.Use.Kind, h.Origin.Field)
		}
	}
	fmt.Fprintf(&b, "expected: %s\n", expected(p))
	_, err := io.WriteString(w, trimmed(b.String()))
	return err
}

// Shortest is the least time the release takes: what its gates hold it, without readiness, proof and people.
func Shortest(p plan.Plan) time.Duration {
	var sum time.Duration
	for _, s := range p.Steps {
		sum += held(s)
	}
	return sum
}

func headline(p plan.Plan) string {
	if p.Stable == "" {
		return fmt.Sprintf("first release, %s", p.Canary)
	}
	return fmt.Sprintf("%s to %s", p.Stable, p.Canary)
}

func tracks(s plan.State, full int) string {
	var texts []string
	for _, t := range s.Tracks {
		texts = append(texts, fmt.Sprintf("%s %s %s", t.Name, t.Revision, size(t.Capacity, full)))
	}
	return strings.Join(texts, ", ")
}

// routed writes who gets the requests: "90/10" for stable and canary, and what comes before the split.
func routed(t plan.Traffic) string {
	if t.Shares.Sum() == 0 {
		return "requests wait"
	}
	text := fmt.Sprintf("%s/%s", number(t.Shares[plan.Stable]), number(t.Shares[plan.Canary]))
	switch len(t.Matches) {
	case 0:
	case 1:
		text += ", " + t.Matches[0].String()
	default: // spelled out below the table
		text += fmt.Sprintf(", %d matches", len(t.Matches))
	}
	if t.Mirror != nil {
		text += fmt.Sprintf(", mirror %v to %s", t.Mirror.Share, t.Mirror.Track)
	}
	if t.Sticky != nil {
		text += ", sticky"
	}
	return text
}

// spelled writes the matches that do not fit the table, where they begin.
func spelled(b *strings.Builder, p plan.Plan) {
	var before []plan.Match
	for i, s := range p.Steps {
		now := s.Desired.Traffic.Matches
		if len(now) > 1 && !reflect.DeepEqual(now, before) {
			for _, m := range now {
				fmt.Fprintf(b, "match from step %d: %s\n", i, m)
			}
		}
		before = now
	}
}

func number(s plan.Share) string { return strings.TrimSuffix(s.String(), "%") }

// until writes what a step waits for besides its state.
func until(s plan.Step) string {
	var texts []string
	for _, g := range s.Until {
		switch g := g.(type) {
		case plan.After:
			texts = append(texts, "after "+brief(g.Hold))
		case plan.Passed:
			verb := "looking"
			if g.Proven {
				verb = "passed"
			}
			texts = append(texts, fmt.Sprintf("%s %s", g.Analysis, verb))
		case plan.Approved:
			texts = append(texts, approval(g))
		}
	}
	if len(texts) == 0 {
		return "-"
	}
	return strings.Join(texts, ", ")
}

func approval(g plan.Approved) string {
	text := "approved"
	if g.Group != "" {
		text += " by " + g.Group
	}
	if g.Within > 0 {
		text += " within " + brief(g.Within)
	}
	return text
}

func onFailure(p plan.Plan, i int) string {
	switch {
	case i == 0:
		return "-"
	case !p.Reversible(i):
		return "hold"
	}
	return fmt.Sprint(p.Steps[i].Rollback)
}

// judged writes the judge with its settings as the user gave them.
func judged(a plan.Analysis) string {
	if len(a.Judge.With) == 0 {
		return "judge " + a.Judge.Kind + " with its defaults"
	}
	return fmt.Sprintf("judge %s %s", a.Judge.Kind, a.Judge.With)
}

// asked says when a query is asked, from the beginning of its analysis.
func asked(q plan.Query) string {
	text := "once"
	if q.Every > 0 {
		text = "every " + brief(q.Every)
	}
	if q.After > 0 {
		text += " after " + brief(q.After)
	}
	return text
}

// expected says how long the release takes, and what nobody can know.
func expected(p plan.Plan) string {
	open := []string{"readiness"}
	gates := func(is func(plan.Gate) bool) bool {
		return slices.ContainsFunc(p.Steps, func(s plan.Step) bool { return slices.ContainsFunc(s.Until, is) })
	}
	if gates(func(g plan.Gate) bool { passed, ok := g.(plan.Passed); return ok && passed.Proven }) {
		open = append(open, "proof")
	}
	if gates(func(g plan.Gate) bool { _, ok := g.(plan.Approved); return ok }) {
		open = append(open, "approval")
	}
	if Shortest(p) == 0 {
		return "as long as " + strings.Join(open, " and ") + " takes"
	}
	return fmt.Sprintf("at least %s, plus %s", brief(Shortest(p)), strings.Join(open, ", "))
}

// brief writes a duration without empty units: "2m", not "2m0s".
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// trimmed drops the spaces that the table leaves at the ends of lines.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}
