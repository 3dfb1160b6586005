package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"serin.dev/serin/internal/progress"
)

// clock writes a time the same everywhere.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// since writes when something was, from the beginning of the release.
func (r Record) since(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return progress.Brief(t.Sub(r.Began))
}

// text writes a page for terminals and logs.
func (r Record) text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s after %s\n%s\n", r.title(), r.Outcome, r.took(), r.Reason)
	if at := r.Place.String(); at != "" {
		fmt.Fprintf(&b, "decided by %s\n", at)
	}
	fmt.Fprintf(&b, "release %s of %s, began %s UTC\n\n", r.Release, r.Target, clock(r.Began))
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "STEP\tCANARY\tSTATE\tENTERED\tREACHED")
	for _, s := range r.Steps {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.Name, progress.Percent(s.Share), s.State, r.since(s.Entered), r.since(s.Reached))
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "METRIC\tVERDICT\tSTABLE\tCANARY\tEFFECT\tREQUESTS\tEVIDENCE")
	for _, a := range r.Analyses {
		for _, m := range a.Metrics {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s + %s\t%s of %s\n", m.Name, m.Verdict, progress.Amount(m.Stable, m.Unit), progress.Amount(m.Canary, m.Unit),
				effect(m), progress.Count(m.N.Stable), progress.Count(m.N.Canary), progress.Number(m.Evidence), progress.Number(a.Limit))
		}
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "AFTER\tEVENT\tTEXT")
	for _, e := range r.Events {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.since(e.At), e.Reason, e.Text)
	}
	for _, a := range r.Acts {
		fmt.Fprintf(t, "%s\t%s\tby %s %s\n", r.since(a.At), a.Verb, a.Actor, a.Reason)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, trimmed(b.String()))
	return err
}

// effect is what is known of a metric's effect.
func effect(m progress.Metric) string {
	if !m.Known() {
		return "not known"
	}
	return fmt.Sprintf("%sx (%s)", progress.Number(m.Effect), m.Interval())
}

// trimmed drops the spaces that tables leave at the ends of lines.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}
