package cli

import (
	"fmt"
	"slices"
	"strings"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// colour is the tone of a track, the same in every view.
func colour(t plan.TrackName) tone {
	if t == plan.Stable {
		return blue
	}
	return orange
}

// traffic draws who gets the requests: as applied by the router, as intended where that differs, as measured.
func (p *page) traffic(r progress.Release) {
	var stable, sum float64
	var shares, measured []string
	differs := false
	for _, t := range r.Tracks {
		sum += t.Traffic.Applied
		if t.Name == plan.Stable {
			stable += t.Traffic.Applied
		}
		differs = differs || t.Traffic.Applied != t.Traffic.Intended
		shares = append(shares, fmt.Sprintf("%s %s", t.Name, progress.Percent(t.Traffic.Applied)))
		if t.Traffic.Observed != nil {
			measured = append(measured, progress.Percent(*t.Traffic.Observed))
		}
	}
	if sum == 0 {
		p.row("traffic", say(alert, "nobody gets requests yet; they wait"))
	} else {
		line := spaced(2, p.bar(stable/sum, blue, orange, 20), say(plain, strings.Join(shares, ", ")))
		if len(measured) > 0 {
			line = spaced(2, line, say(quiet, "(measured "+strings.Join(measured, " / ")+")"))
		}
		p.row("traffic", line)
	}
	if differs || r.Pending != "" {
		p.row("", say(alert, p.coming(r)))
	}
	for _, s := range r.Special {
		p.row("", say(plain, s))
	}
}

// coming says what the router does not do yet, and why.
func (p *page) coming(r progress.Release) string {
	var shares []string
	for _, t := range r.Tracks {
		if t.Traffic.Intended != t.Traffic.Applied {
			shares = append(shares, fmt.Sprintf("%s %s", t.Name, progress.Percent(t.Traffic.Intended)))
		}
	}
	line := "not yet: "
	if len(shares) > 0 {
		line = p.signs.arrow + " " + strings.Join(shares, ", ") + " to come"
		if r.Pending != "" {
			line += ": "
		}
	}
	return line + r.Pending
}

// replicas draws the tree of revisions and their instances.
func (p *page) replicas(r progress.Release, wide bool) {
	tracks := slices.DeleteFunc(slices.Clone(r.Tracks), func(t progress.Track) bool { return t.Wanted == 0 && t.Running == 0 })
	rows := make([][]text, len(tracks))
	for i, t := range tracks {
		rows[i] = p.track(t)
	}
	var lines []text
	for i, line := range table([]column{{}, {rank: 1}, {}}, rows, p.beside()-3, p.signs.more)[1:] {
		branch, trunk := p.signs.branch, p.signs.trunk
		if i == len(tracks)-1 {
			branch, trunk = p.signs.last, "  "
		}
		lines = append(lines, spaced(1, say(quiet, branch), line))
		if t := tracks[i]; t.Trouble != "" {
			for _, more := range say(alert, t.Trouble).wrap(p.beside() - 5) {
				lines = append(lines, append(say(quiet, trunk+"   "), more...))
			}
		}
		if wide {
			lines = append(lines, p.instances(tracks[i], trunk)...)
		}
	}
	p.table("replicas", lines)
}

// track is one row of the tree: which revision plays which part, how many of its replicas are there.
func (p *page) track(t progress.Track) []text {
	state := fmt.Sprintf("%d of %d ready", t.Ready, t.Wanted)
	mood := plain
	switch leaving := t.Running - t.Wanted; {
	case t.Wanted == 0:
		state, mood = fmt.Sprintf("%d leaving", t.Running), quiet
	case leaving > 0:
		state += fmt.Sprintf(", %d leaving", leaving)
	case t.Ready < t.Wanted:
		mood = alert
	}
	name := spaced(1, say(colour(t.Name), string(t.Revision)), say(plain, string(t.Name)))
	return []text{name, p.dots(t), say(mood, state)}
}

// mostDots is how many replicas are drawn one by one; of more, the numbers say enough.
const mostDots = 16

func (p *page) dots(t progress.Track) text {
	ready := min(t.Ready, t.Wanted)
	leaving := max(t.Running-t.Wanted, 0)
	if t.Wanted+leaving > mostDots {
		return text{}
	}
	return text{
		{strings.Repeat(p.signs.ready, ready), colour(t.Name)},
		{strings.Repeat(p.signs.missing, max(t.Wanted-ready, 0)), alert},
		{strings.Repeat(p.signs.leaving, leaving), quiet},
	}
}

func (p *page) instances(t progress.Track, trunk string) []text {
	var rows [][]text
	for _, i := range t.Instances {
		busy := text{}
		if i.Busy > 0 {
			busy = say(plain, fmt.Sprintf("%d under way", i.Busy))
		}
		rows = append(rows, []text{say(plain, i.Name), say(quiet, i.URL), busy})
	}
	var lines []text
	for _, line := range table([]column{{}, {rank: 1}, {rank: 2}}, rows, p.beside()-5, p.signs.more)[1:] {
		lines = append(lines, append(say(quiet, trunk+"   "), line...))
	}
	return lines
}
