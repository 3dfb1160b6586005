package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"serin.dev/serin/internal/progress"
)

// A Live shows a release as it changes. On a terminal it redraws one block in place; anywhere else it prints the block once
// and then one line per change, so that it reads well in the log of a build. It is for one goroutine.
type Live struct {
	Style  Style      // colour on a terminal, unless changed before the first Show
	Height func() int // rows of the terminal, which a block must not exceed; nil: high enough

	out   io.Writer
	tty   bool
	width func() int
	last  *progress.Release
	drawn []int // widths of the lines on the terminal
}

// NewLive shows on out. width is asked before every drawing, because terminals change their size; nil or 0: a usual width.
func NewLive(out io.Writer, tty bool, width func() int) *Live {
	if width == nil {
		width = func() int { return usualWidth }
	}
	return &Live{Style: Style{Colour: tty}, out: out, tty: tty, width: width}
}

// lately is how many events stand below a block that is redrawn.
const lately = 4

// Show shows the release as it is now. Another release than the last one begins a new block below it.
func (l *Live) Show(r progress.Release) {
	next := l.last == nil || l.last.Name != r.Name
	switch {
	case l.tty:
		l.redraw(r, next)
	case next:
		if l.last != nil {
			fmt.Fprintln(l.out)
		}
		fmt.Fprint(l.out, Block(r, l.Style, l.width(), false))
	default:
		for _, line := range changes(*l.last, r) {
			fmt.Fprintln(l.out, line.paint(l.Style))
		}
	}
	l.last = &r
}

// Done ends the showing: what follows on the terminal stands below.
func (l *Live) Done() { l.last, l.drawn = nil, nil }

// redraw replaces the block by a new one, in one write and line by line, so that nothing flickers.
func (l *Live) redraw(r progress.Release, next bool) {
	p := newPage(l.Style, l.width()-1) // the last cell stays free: erasing behind a full line would erase its end
	p.release(r, false)
	p.events(r, lately)
	if l.Height != nil {
		p.lines = p.lines[:min(len(p.lines), max(l.Height()-1, 1))]
	}
	var b strings.Builder
	if next {
		if l.last != nil {
			b.WriteString("\n")
		}
		l.drawn = nil
	}
	if up := l.rows(); up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", up)
	}
	l.drawn = l.drawn[:0]
	for _, line := range p.lines {
		shown := line.paint(l.Style)
		b.WriteString(shown + "\x1b[K\n")
		l.drawn = append(l.drawn, line.trim().width())
	}
	b.WriteString("\x1b[J")
	io.WriteString(l.out, b.String())
}

// rows counts the rows that the last block takes at the present width: a terminal that became narrower has broken lines.
func (l *Live) rows() int {
	width, n := max(l.width(), 1), 0
	for _, cells := range l.drawn {
		n += max(1, (cells+width-1)/width)
	}
	return n
}

// changes tells what is different between two looks at the same release, one line each, oldest first.
func changes(old, now progress.Release) []text {
	l := changeLog{now: now}
	for _, e := range news(old.Events, now.Events) {
		l.add(stamp(e.At, now.At), plain, e.Text)
	}
	l.replicas(old)
	l.traffic(old)
	l.verdicts(old)
	if now.Trouble != old.Trouble {
		if now.Trouble != "" {
			l.say(bad, "trouble: "+now.Trouble)
		} else {
			l.say(good, "the trouble is over")
		}
	}
	if now.Next != old.Next && now.Next != "" {
		l.say(plain, now.Next+" waits for its turn")
	}
	if now.Phase != old.Phase && now.Phase.Over() {
		l.say(mood(now), now.Headline)
	}
	return l.lines
}

// news are the events after the last one known. A log may drop its middle; where the last one known is gone, time tells.
func news(old, now []progress.Event) []progress.Event {
	if len(old) == 0 {
		return now
	}
	last := old[len(old)-1]
	for i, e := range slices.Backward(now) {
		if e == last || e.At.Before(last.At) {
			return now[i+1:]
		}
	}
	return now
}

// A changeLog collects lines that begin with a time and the release they are about.
type changeLog struct {
	now   progress.Release
	lines []text
}

func (l *changeLog) say(t tone, words string) { l.add(stamp(l.now.At, l.now.At), t, words) }

func (l *changeLog) add(when string, t tone, words string) {
	l.lines = append(l.lines, spaced(2, say(quiet, when), say(strong, l.now.Canary), say(t, words)))
}

func (l *changeLog) replicas(old progress.Release) {
	for _, t := range l.now.Tracks {
		before := same(old.Tracks, t)
		if before.Ready == t.Ready && before.Wanted == t.Wanted && before.Running == t.Running {
			continue
		}
		line := fmt.Sprintf("%s %s: %d of %d replicas ready", t.Name, t.Revision, t.Ready, t.Wanted)
		if t.Wanted == 0 {
			if before.Wanted == 0 && before.Running == t.Running {
				continue // it was leaving already
			}
			line = fmt.Sprintf("%s leaves: %d replicas finish what is under way", t.Revision, t.Running)
			if t.Running == 1 {
				line = fmt.Sprintf("%s leaves: its replica finishes what is under way", t.Revision)
			}
		}
		l.say(plain, line)
	}
}

func (l *changeLog) traffic(old progress.Release) {
	var shares []string
	moved := false
	for _, t := range l.now.Tracks {
		moved = moved || same(old.Tracks, t).Traffic.Applied != t.Traffic.Applied
		if t.Wanted == 0 && t.Traffic.Applied == 0 {
			continue
		}
		shares = append(shares, fmt.Sprintf("%s %s", t.Name, progress.Percent(t.Traffic.Applied)))
	}
	if moved {
		l.say(plain, "traffic: "+strings.Join(shares, ", "))
	}
}

// same finds the pool as it was before.
func same(old []progress.Track, t progress.Track) progress.Track {
	for _, o := range old {
		if o.Pool == t.Pool && o.Name == t.Name {
			return o
		}
	}
	return progress.Track{}
}

func (l *changeLog) verdicts(old progress.Release) {
	before := map[string]progress.Metric{}
	for _, a := range old.Analyses {
		for _, m := range a.Metrics {
			before[a.Name+"/"+m.Name] = m
		}
	}
	for _, a := range l.now.Analyses {
		for _, m := range a.Metrics {
			if was := before[a.Name+"/"+m.Name]; was.Verdict != m.Verdict {
				l.say(plain, fmt.Sprintf("%s: %s", m.Summary(), m.Verdict))
			}
		}
	}
}
