package cli

import (
	"fmt"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// metrics lays out what the judges say of every metric; where they cannot say anything, why.
func (p *page) metrics(r progress.Release) []text {
	columns := []column{
		{}, {title: "stable", rank: 2, right: true}, {title: "canary", rank: 2, right: true}, {title: "canary / stable", rank: 1},
		{title: "limit", rank: 3, right: true}, {title: "requests", rank: 5, right: true}, {title: "verdict"}, {title: "needs", rank: 4, right: true},
	}
	var rows [][]text
	var silent []text
	for _, a := range r.Analyses {
		for _, m := range a.Metrics {
			rows = append(rows, p.metric(m))
		}
		if len(a.Metrics) == 0 && a.Verdict != "" {
			line := spaced(2, say(plain, a.Name), p.verdict(a.Verdict), say(quiet, a.Reason))
			silent = append(silent, line.wrap(p.beside())...)
		}
	}
	if len(rows) == 0 {
		return silent
	}
	return append(table(columns, rows, p.beside(), p.signs.more), silent...)
}

func (p *page) metric(m progress.Metric) []text {
	row := []text{say(plain, m.Name), {}, {}, {}, {}, {}, p.verdict(m.Verdict), {}}
	if m.N.Stable > 0 {
		row[1] = say(blue, progress.Amount(m.Stable, m.Unit))
	}
	if m.N.Canary > 0 {
		row[2] = say(orange, progress.Amount(m.Canary, m.Unit))
	}
	if m.Unit == plan.Reading {
		row[5] = say(quiet, "- / "+progress.Count(m.N.Canary)+" answers")
		return row
	}
	if m.Known() {
		row[3] = say(plain, fmt.Sprintf("%sx [%s]", progress.Number(m.Effect), m.Interval()))
	}
	if m.Limit > 0 {
		row[4] = say(quiet, progress.Number(m.Limit)+"x")
	}
	row[5] = say(quiet, progress.Count(m.N.Stable)+" / "+progress.Count(m.N.Canary))
	if m.Needs > 0 && m.Verdict != plan.Fail && m.Verdict != plan.Pass {
		row[7] = say(plain, progress.Count(m.Needs))
	}
	return row
}

// verdict says an outcome by sign and word.
func (p *page) verdict(o plan.Outcome) text {
	switch o {
	case plan.Pass:
		return say(good, p.signs.pass+" pass")
	case plan.Fail:
		return say(bad, p.signs.fail+" fail")
	case plan.Hold:
		return say(plain, p.signs.hold+" hold")
	case "":
		return say(quiet, p.signs.hold+" no look yet")
	}
	return say(alert, p.signs.dark+" "+string(o))
}
