package cli

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// Explain tells why a release does what it does: the rule that decides, what is awaited until when and the command that
// ends it, and every metric with both samples, effect, limit and evidence. A metric name tells that metric alone.
func Explain(r progress.Release, metric string, style Style, width int) (string, error) {
	p := newPage(style, width)
	if metric == "" {
		p.header(r)
		p.reasons(r)
	}
	found := p.evidence(r, metric)
	if metric != "" && !found {
		return "", fmt.Errorf("explain %s: no metric %q is judged; there are %s", r.Canary, metric, metricNames(r))
	}
	return p.String(), nil
}

func metricNames(r progress.Release) string {
	var names []string
	for _, a := range r.Analyses {
		for _, m := range a.Metrics {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		return "none yet"
	}
	return listed(slices.Compact(names))
}

// reasons tells what decides at present.
func (p *page) reasons(r progress.Release) {
	p.row("why", say(plain, r.Headline))
	if r.Trouble != "" {
		p.row("trouble", say(bad, r.Trouble))
	}
	p.row("rule", words(say(strong, r.Rule.Name), say(plain, ": "+r.Rule.Text)))
	if f := r.Failure; f != nil {
		p.row("decided", say(plain, fmt.Sprintf("%s at step %q, %s", f.Reason, r.Rail[f.Step].Name, stamp(f.At, r.At))))
		p.field(f.Place)
	}
	w := r.Waiting
	if w == nil {
		return
	}
	p.row("awaits", say(plain, strings.TrimPrefix(w.Text, "waits for ")))
	p.row("since", say(plain, fmt.Sprintf("%s, for %s", stamp(w.Since, r.At), progress.Brief(r.At.Sub(w.Since)))))
	switch {
	case !w.Until.IsZero():
		p.until(r)
	case w.Asked:
		p.row("until", say(alert, "a person decides"))
	case w.For == "person":
		p.row("until", say(plain, "somebody lets it go on; no deadline"))
	default:
		p.row("until", say(plain, "it is there; no deadline"))
	}
	if w.EndBy != "" {
		p.row("end it", say(strong, w.EndBy))
	}
	if r.Failure == nil {
		p.field(w.Place)
	}
}

func (p *page) field(place progress.Place) {
	if place != (progress.Place{}) {
		p.row("field", say(plain, place.String()))
	}
}

// evidence tells each analysis and its metrics; it reports whether the metric asked for was among them.
func (p *page) evidence(r progress.Release, only string) bool {
	found := false
	for _, a := range r.Analyses {
		if only == "" {
			p.analysis(a)
		}
		for _, m := range a.Metrics {
			if only == "" || only == m.Name {
				p.explain(a, m)
				found = true
			}
		}
	}
	return found
}

func (p *page) analysis(a progress.Analysis) {
	p.add(nil)
	verdict := p.verdict(a.Verdict)
	if !a.Looking {
		verdict = append(verdict, span{", not looking now", quiet})
	}
	p.add(spaced(2, say(strong, a.Name), verdict, say(quiet, fmt.Sprintf("(%s judges %s every %s)", a.Judge, a.Source, a.Every))))
	if a.Reason != "" {
		p.row("", say(plain, a.Reason))
	}
	if a.Limit > 0 {
		p.row("", say(plain, fmt.Sprintf("evidence %s of the %s that roll back", progress.Number(a.Evidence), progress.Number(a.Limit))))
	}
	p.field(a.Place)
}

// explain tells one metric.
func (p *page) explain(a progress.Analysis, m progress.Metric) {
	p.add(nil)
	p.add(spaced(2, say(strong, m.Name), p.verdict(m.Verdict)))
	if m.Unit == plan.Reading {
		p.reading(m)
	} else {
		p.sample("stable", blue, m.Stable, m.Unit, m.N.Stable)
		p.sample("canary", orange, m.Canary, m.Unit, m.N.Canary)
	}
	switch {
	case m.Known():
		p.row("  effect", say(plain, fmt.Sprintf("canary is %sx stable, within %s (valid at every look)", progress.Number(m.Effect), m.Interval())))
		p.row("", p.scale(m))
	case m.Limit > 0:
		p.row("  effect", say(quiet, "not known yet"))
	}
	if m.Limit > 0 {
		p.row("  limit", say(plain, fmt.Sprintf("%sx stable is tolerated", progress.Number(m.Limit))))
	}
	if a.Limit > 0 {
		p.row("  against", say(plain, fmt.Sprintf("evidence %s; %s rolls back", progress.Number(m.Evidence), progress.Number(a.Limit))))
	}
	if m.Needs > 0 && m.Verdict != plan.Pass && m.Verdict != plan.Fail {
		p.row("  needs", say(plain, fmt.Sprintf("about %d more requests of the canary", m.Needs)))
	}
}

// reading tells the last answer to the user's own query.
func (p *page) reading(m progress.Metric) {
	if m.N.Canary == 0 {
		p.row("  canary", say(quiet, "not measured yet"))
		return
	}
	p.row("  canary", words(say(orange, progress.Number(m.Canary)), say(plain, ", "+m.Measured())))
}

func (p *page) sample(name string, t tone, value float64, unit string, n int64) {
	body := say(quiet, "no requests yet")
	if n > 0 {
		body = words(say(t, progress.Amount(value, unit)), say(plain, fmt.Sprintf(" of %d requests", n)))
		if unit == "seconds" {
			body = words(say(t, progress.Amount(value, unit)), say(plain, fmt.Sprintf(" over %d requests", n)))
		}
	}
	p.row("  "+name, body)
}

// scale draws the interval of an effect on a logarithmic line, with the limit: "0.5 ────[──┃─●────]─── 2".
func (p *page) scale(m progress.Metric) text {
	low, high := max(m.Low, 0.01), min(max(m.High, 0.01), 100)
	from, to := min(0.5, low/1.2), max(2, high*1.2, m.Limit*1.2)
	cells := min(40, p.room()-12)
	if cells < 8 {
		return nil
	}
	at := func(x float64) int {
		part := math.Log(min(max(x, from), to)/from) / math.Log(to/from)
		return int(math.Round(part * float64(cells-1)))
	}
	signs := slices.Repeat([]string{p.signs.line}, cells)
	signs[at(low)], signs[at(high)] = "[", "]"
	if m.Limit > 0 {
		signs[at(m.Limit)] = p.signs.limit
	}
	signs[at(m.Effect)] = p.signs.mark
	return say(plain, fmt.Sprintf("%s %s %s", progress.Number(from), strings.Join(signs, ""), progress.Number(to)))
}
