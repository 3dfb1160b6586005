package detect

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// A Row is a family with its summaries, by policy.
type Row struct {
	Family    Family
	Summaries []Summary
}

// Write prints the tables in Markdown: the first policy is the one measured, the last the oracle.
func Write(out io.Writer, makers []Maker, rows []Row, command string) error {
	page := &page{out: out}
	page.say("# Detection: false rollbacks and blast radius\n\nMade by `%s`.\n%s", command, preface)
	page.good(makers, rows)
	page.pass(rows)
	page.blast(makers, rows)
	page.bars(makers, rows)
	return page.err
}

const preface = `
Every family is played over looks each 5 s for an hour unless its name says otherwise, after half an hour of history of stable,
and all policies read the very same looks. *serin* is the judge of an empty settings file. The oracle knows both true
distributions and runs Wald's test on them at the same error of 1 %; it treats failures as independent, so in families with
bursts and unequal pods no fair test comes near it. Flagger and Argo ask for 99 % of success a minute; Flagger acts an
interval after its last check. The z test is the textbook's, asked at every look.

The constants of the judge (priors, shares of the stake, when bursts and differences of pods count) were chosen on other seeds
while looking at these families; the families named *unseen* were written afterwards and changed nothing.
`

type page struct {
	out io.Writer
	err error
}

func (p *page) say(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *page) head(first string, makers []Maker) {
	p.say("| %s |", first)
	for _, m := range makers {
		p.say(" %s |", m.Name)
	}
	p.say("\n|---|")
	for range makers {
		p.say("---|")
	}
	p.say("\n")
}

func (p *page) good(makers []Maker, rows []Row) {
	p.say("\n## False rollbacks, %% of good releases (95 %% Wilson interval)\n\n")
	p.head("family", makers)
	for _, r := range rows {
		if !r.Family.Good {
			continue
		}
		p.say("| %s |", r.Family.Name)
		for _, s := range r.Summaries {
			p.say(" %.2f (%.2f–%.2f) |", 100*float64(s.Rolled)/float64(s.Releases), 100*s.Low, 100*s.High)
		}
		p.say("\n")
	}
}

func (p *page) pass(rows []Row) {
	p.say("\n## Leave to promote, native judge\n\n| family | truth | passed before any rollback, %% | median seconds | median canary requests |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		s, kind := r.Summaries[0], "bad"
		if r.Family.Good {
			kind = "good"
		}
		p.say("| %s | %s | %.1f | %s | %s |\n", r.Family.Name, kind, 100*float64(s.Passed)/float64(s.Releases), number(s.PassAt), number(s.PassAfter))
	}
}

func (p *page) blast(makers []Maker, rows []Row) {
	p.say("\n## Blast radius: mean requests the bad version served until rolled back (found %% where below 99.5; median seconds)\n\n")
	p.head("family", makers)
	for _, r := range rows {
		if r.Family.Good {
			continue
		}
		p.say("| %s |", r.Family.Name)
		for _, s := range r.Summaries {
			p.say(" %.0f", s.Blast)
			if found := 100 * float64(s.Rolled) / float64(s.Releases); found < 99.5 {
				p.say(" (%.0f %%)", found)
			}
			p.say("; %s |", number(s.RollAt))
		}
		p.say("\n")
	}
}

// bars compares with the promises.
func (p *page) bars(makers []Maker, rows []Row) {
	p.say("\n## Against the oracle and the others\n\n| family | times the oracle | counts for the bar | fewer than Flagger | than Argo, limit 3 |\n|---|---|---|---|---|\n")
	var logs, rivals []float64
	most, worst := 0.0, 0.0
	for _, r := range rows {
		own, oracle := r.Summaries[0], r.Summaries[len(makers)-1]
		if r.Family.Good {
			worst = math.Max(worst, own.High)
			continue
		}
		times, counts := own.Blast/oracle.Blast, "no"
		if r.Family.Strict {
			counts, most, logs = "yes", math.Max(most, times), append(logs, math.Log(times))
		}
		if _, canary := r.Family.Rates(300); r.Family.Strict && canary >= 0.02 && r.Family.RPS*r.Family.Weight(300) >= 1000 {
			rivals = append(rivals, r.Summaries[1].Blast/own.Blast, r.Summaries[2].Blast/own.Blast)
		}
		p.say("| %s | %.2f | %s | %.1f | %.1f |\n", r.Family.Name, times, counts, r.Summaries[1].Blast/own.Blast, r.Summaries[2].Blast/own.Blast)
	}
	sum := 0.0
	for _, l := range logs {
		sum += l
	}
	slices.Sort(rivals)
	p.say("\n| figure | bar | measured |\n|---|---|---|\n")
	p.say("| largest upper limit of false rollbacks | 1 %% | %.2f %% |\n", 100*worst)
	p.say("| largest multiple of the oracle's blast radius, rises of at least 3x at shares up to 10 %% | 2.0 | %.2f |\n", most)
	p.say("| its geometric mean | 1.6 | %.2f |\n", math.Exp(sum/math.Max(1, float64(len(logs)))))
	if len(rivals) > 0 {
		p.say("| times fewer bad requests than Flagger and Argo, rises to at least 2 %% at 10 canary requests a second, least / median | 3 / 10 | %.1f / %.1f |\n", rivals[0], rivals[len(rivals)/2])
	}
}

func number(x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf("%.0f", x)
}
