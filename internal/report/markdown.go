package report

import (
	"fmt"
	"io"
	"strings"

	"serin.dev/serin/internal/progress"
)

// markdown writes a page for pull requests and wikis.
func (r Record) markdown(w io.Writer) error {
	var b strings.Builder
	sign := map[Outcome]string{Promoted: "✅", RolledBack: "⛔", Superseded: "⏭️", UnderWay: "⏳"}[r.Outcome]
	fmt.Fprintf(&b, "## %s %s: %s after %s\n\n%s\n\n", sign, plainly(r.title()), r.Outcome, r.took(), plainly(r.Reason))
	fmt.Fprintf(&b, "Release `%s` of `%s`, began %s UTC.", code(r.Release), code(r.Target), clock(r.Began))
	if at := r.Place.String(); at != "" {
		fmt.Fprintf(&b, " Decided by `%s`.", code(at))
	}
	b.WriteString("\n\n| metric | verdict | stable | canary | effect | requests | evidence |\n|---|---|---|---|---|---|---|\n")
	for _, a := range r.Analyses {
		for _, m := range a.Metrics {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s + %s | %s of %s |\n", plainly(m.Name), m.Verdict, progress.Amount(m.Stable, m.Unit),
				progress.Amount(m.Canary, m.Unit), effect(m), progress.Count(m.N.Stable), progress.Count(m.N.Canary), progress.Number(m.Evidence), progress.Number(a.Limit))
		}
	}
	b.WriteString("\n| step | canary | state | entered | reached |\n|---|---|---|---|---|\n")
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", plainly(s.Name), progress.Percent(s.Share), s.State, r.since(s.Entered), r.since(s.Reached))
	}
	b.WriteString("\n<details><summary>What happened</summary>\n\n")
	for _, e := range r.Events {
		fmt.Fprintf(&b, "- %s: %s\n", r.since(e.At), plainly(e.Text))
	}
	for _, a := range r.Acts {
		fmt.Fprintf(&b, "- %s: %s by %s %s\n", r.since(a.At), a.Verb, plainly(a.Actor), plainly(a.Reason))
	}
	b.WriteString("\n</details>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// plainly keeps a text from being read as Markdown or HTML.
func plainly(text string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]",
		"#", "\\#", "!", "\\!", "\r", " ", "\n", " ").Replace(text)
}

// code keeps a text from ending the code it stands in.
func code(text string) string {
	return strings.NewReplacer("`", "'", "\n", " ", "\r", " ").Replace(text)
}
