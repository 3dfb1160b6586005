package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// Table lists releases, one line each: where they are, what they do and why. wide adds where they came from and when.
func Table(releases []progress.Release, style Style, width int, wide bool) string {
	p := newPage(style, width)
	columns := []column{
		{title: "NAME"}, {title: "TARGET", rank: 6}, {title: "REVISION", rank: 1}, {title: "STATE"}, {title: "STEP", rank: 5},
		{title: "CANARY", rank: 4, right: true}, {title: "AGE", rank: 2, right: true}, {title: "WHY", rank: 3, flows: true},
	}
	if wide {
		columns = append(columns[:7:7], column{title: "RELEASE", rank: 7}, column{title: "NEXT", rank: 7}, column{title: "BY", rank: 7}, columns[7])
	}
	var rows [][]text
	for _, r := range releases {
		rows = append(rows, p.line(r, wide))
	}
	for _, line := range table(columns, rows, p.width, p.signs.more) {
		p.add(line)
	}
	return p.String()
}

func (p *page) line(r progress.Release, wide bool) []text {
	canary := 0.0
	for _, t := range r.Tracks {
		if t.Name != plan.Stable {
			canary += t.Traffic.Applied
		}
	}
	why, state := say(plain, r.Headline), r.Doing
	if r.Trouble != "" {
		why, state = say(bad, "trouble: "+r.Trouble), state+" (trouble)"
	}
	since := r.Created
	if r.Phase.Over() {
		since = r.Ended
	}
	row := []text{
		say(strong, r.Canary), say(quiet, r.Target), p.versions(r), say(mood(r), state),
		say(plain, fmt.Sprintf("%d/%d", position(r), r.Steps)), say(plain, progress.Percent(canary)), say(plain, age(r.At.Sub(since))), why,
	}
	if wide {
		row = append(row[:7:7], say(plain, r.Name), say(orange, r.Next), say(plain, r.Actor()), why)
	}
	return row
}

// age writes how long ago something was, in its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// History lists the releases of a target, newest first; the one under way is the first line.
func History(r progress.Release, style Style, width int) string {
	p := newPage(style, width)
	columns := []column{
		{title: "RELEASE", rank: 1}, {title: "REVISION"}, {title: "RESULT"}, {title: "BEGAN", rank: 2},
		{title: "TOOK", rank: 4, right: true}, {title: "WHY", rank: 3, flows: true},
	}
	var rows [][]text
	if !r.Phase.Over() {
		rows = append(rows, []text{say(plain, r.Name), p.versions(r), say(mood(r), r.Doing), say(plain, stamp(r.Created, r.At)), {}, say(plain, r.Headline)})
	}
	for _, l := range slices.Backward(r.History) {
		rows = append(rows, p.finished(l, r.At))
	}
	for _, line := range table(columns, rows, p.width, p.signs.more) {
		p.add(line)
	}
	return p.String()
}

func (p *page) finished(l progress.Line, now time.Time) []text {
	past := progress.Release{From: l.From, To: l.To, Phase: l.Phase}
	return []text{
		say(plain, l.Release), p.versions(past), say(mood(past), ended(l.Phase)),
		say(plain, stamp(l.Began, now)), say(plain, progress.Brief(l.Ended.Sub(l.Began))), say(plain, l.Reason),
	}
}

// ended writes a final phase as words: "rolled back".
func ended(phase plan.Phase) string {
	if phase == plan.Returned {
		return "rolled back"
	}
	return strings.ToLower(string(phase))
}
