package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
)

// Block draws a release: what it does and why, its traffic, replicas, metrics and steps. wide adds instances, hooks and
// what happened.
func Block(r progress.Release, style Style, width int, wide bool) string {
	p := newPage(style, width)
	p.release(r, wide)
	if wide {
		p.events(r, len(r.Events))
	}
	return p.String()
}

func (p *page) release(r progress.Release, wide bool) {
	p.header(r)
	p.row("why", say(plain, r.Headline))
	if r.Trouble != "" {
		p.row("trouble", say(bad, r.Trouble))
	}
	p.until(r)
	if w := r.Waiting; w != nil && w.EndBy != "" && !strings.Contains(r.Headline, w.EndBy) {
		p.row("you can", say(plain, w.EndBy))
	}
	p.traffic(r)
	p.replicas(r, wide)
	p.table("metrics", p.metrics(r))
	p.steps(r)
	p.outlook(r)
	if r.Next != "" {
		p.row("next", words(say(orange, r.Next), say(plain, " waits for its turn")))
	}
	p.hooks(r, wide)
}

// header says which release, from where to where, in which state; on the right where and when. What is least missed goes
// first where the page is narrow.
func (p *page) header(r progress.Release) {
	name, versions, state := say(strong, r.Canary), p.versions(r), p.state(r)
	target := say(quiet, r.Target)
	attempt := text{}
	if r.Attempt > 1 {
		attempt = say(quiet, fmt.Sprintf("attempt %d", r.Attempt))
	}
	where := text{}
	if r.Steps > 0 {
		where = say(plain, fmt.Sprintf("step %d/%d", position(r), r.Steps))
	}
	now := say(quiet, r.At.Format("15:04:05"))
	by := text{}
	if who := r.Actor(); who != "" {
		by = say(quiet, "by "+who)
	}
	for _, try := range [][2]text{
		{spaced(2, name, target, versions, state, attempt), spaced(2, where, now, by)},
		{spaced(2, name, versions, state, attempt), spaced(2, where, now, by)},
		{spaced(2, name, versions, state), spaced(2, where, now)},
	} {
		if gap := p.width - try[0].width() - try[1].width(); gap >= 2 {
			p.add(append(try[0].pad(try[0].width()+gap), try[1]...))
			return
		}
	}
	p.add(spaced(2, name, versions))
	p.add(state)
	p.add(spaced(2, where, now))
}

// position is the step that people mean: the one held, or the one that a release went back from.
func position(r progress.Release) int {
	if r.Failure != nil && r.Step == 0 {
		return r.Failure.Step
	}
	return r.Step
}

func (p *page) versions(r progress.Release) text {
	if r.From == "" {
		return words(say(plain, "first release "), say(orange, string(r.To)))
	}
	return words(say(blue, string(r.From)), say(plain, " "+p.signs.arrow+" "), say(orange, string(r.To)))
}

// state says what the release is doing, the verb in capitals.
func (p *page) state(r progress.Release) text {
	verb, rest := r.Doing, ""
	for _, joint := range []string{" at ", " to "} {
		if i := strings.LastIndex(r.Doing, joint); i > 0 {
			verb, rest = r.Doing[:i], r.Doing[i:]
			break
		}
	}
	t := mood(r)
	return words(say(t, strings.ToUpper(verb)), say(t, rest))
}

// mood is green for what went well, red for what went, or goes, back, yellow for what needs somebody.
func mood(r progress.Release) tone {
	switch {
	case r.Phase == plan.Succeeded:
		return good
	case r.Phase == plan.RollingBack || r.Phase == plan.Returned:
		return bad
	case r.Trouble != "" || r.Waiting != nil && slices.Contains([]string{"approval", "person", "data"}, r.Waiting.For):
		return alert
	}
	return strong
}

// until draws how much of a wait is over, and what happens at its end.
func (p *page) until(r progress.Release) {
	w := r.Waiting
	if w == nil || w.Until.IsZero() {
		return
	}
	left, whole := w.Until.Sub(r.At), w.Until.Sub(w.Since)
	if left < 0 || whole <= 0 {
		return
	}
	share := 1 - left.Seconds()/whole.Seconds()
	ends := fmt.Sprintf("%s in %s, at %s", w.Then, progress.Brief(left), progress.Clock(w.Until, r.At))
	p.row("until", spaced(2, p.bar(share, quiet, plain, 20), say(plain, ends)))
}

// bar is filled from the left up to a share from 0 to 1. Anything above nothing shows, and anything below everything.
func (p *page) bar(share float64, filled, rest tone, cells int) text {
	cells = min(cells, max(p.room()/3, 4))
	n := int(share*float64(cells) + 0.5)
	switch {
	case share > 0 && n == 0:
		n = 1
	case share < 1 && n == cells:
		n--
	}
	n = min(max(n, 0), cells)
	return text{{strings.Repeat(p.signs.first, n), filled}, {strings.Repeat(p.signs.second, cells-n), rest}}
}

// steps draws the rail. The start is shown only to a release that goes back to it.
func (p *page) steps(r progress.Release) {
	var items []text
	for _, s := range r.Rail {
		if s.Index > 0 {
			items = append(items, p.step(s))
		}
	}
	if r.Failure != nil && r.Step == 0 {
		home := string(r.From)
		if home == "" {
			home = "nothing"
		}
		items = append(items, say(strong, p.signs.back+" back to "+home))
	}
	p.rows("steps", flow(items, p.room()))
}

func (p *page) step(s progress.Step) text {
	switch s.State {
	case progress.Done:
		return words(say(good, p.signs.done), say(plain, " "+s.Name))
	case progress.Current:
		return say(strong, p.signs.current+" "+s.Name)
	case progress.Skipped:
		return say(quiet, p.signs.skipped+" "+s.Name)
	case progress.Failed:
		return say(bad, p.signs.failed+" "+s.Name)
	}
	return say(quiet, p.signs.next+" "+s.Name)
}

// flow sets items side by side, each whole, into lines of at most so many cells.
func flow(items []text, cells int) []text {
	var lines []text
	for _, item := range items {
		if n := len(lines); n > 0 && lines[n-1].width()+2+item.width() <= cells {
			lines[n-1] = spaced(2, lines[n-1], item)
			continue
		}
		lines = append(lines, item)
	}
	return lines
}

func (p *page) outlook(r progress.Release) {
	if r.Outlook == nil {
		return
	}
	when := progress.Clock(r.Outlook.Earliest, r.At)
	switch plus := r.Outlook.Plus; {
	case len(plus) == 0:
		p.row("ends", say(plain, when+", if nothing is wrong"))
	default:
		p.row("ends", say(plain, when+" at the earliest, plus "+listed(plus)))
	}
}

// listed writes a list as people do: "a, b and c".
func listed(items []string) string {
	if n := len(items) - 1; n > 0 {
		return strings.Join(items[:n], ", ") + " and " + items[n]
	}
	return strings.Join(items, "")
}

// hooks tells who could not be told; wide, everybody.
func (p *page) hooks(r progress.Release, wide bool) {
	var lines []text
	for _, h := range r.Hooks {
		failed := h.State == "failed" || h.State == "interrupted"
		if !failed && !wide {
			continue
		}
		sign, t := p.signs.next, plain
		switch {
		case failed:
			sign, t = p.signs.fail, alert
		case h.State == "told":
			sign, t = p.signs.pass, plain
		}
		line := fmt.Sprintf("%s %s (%s) %s: %s", sign, h.Name, h.Kind, h.Event, h.State)
		if h.Attempts > 1 {
			line += fmt.Sprintf(" after %d tries", h.Attempts)
		}
		if h.Error != "" {
			line += ": " + h.Error
		}
		lines = append(lines, say(t, line).wrap(p.room())...)
	}
	p.rows("hooks", lines)
}

// events tells the last n things that happened.
func (p *page) events(r progress.Release, n int) {
	var lines []text
	for _, e := range r.Events[max(0, len(r.Events)-n):] {
		line := words(say(quiet, stamp(e.At, r.At)+"  "), say(plain, e.Text))
		lines = append(lines, line.clip(p.room(), p.signs.more))
	}
	p.rows("events", lines)
}

// stamp tells when something happened, always to the second: what happened together stays in order.
func stamp(t, now time.Time) string {
	t = t.In(now.Location())
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("Jan 2 15:04:05")
}
