package cli

import "strings"

// A page collects the lines of a view.
type page struct {
	style Style
	signs glyphs
	width int
	lines []text
}

// The widths of a page. Below the least nothing can be aligned any more; lines are then clipped.
const (
	usualWidth = 100
	leastWidth = 24
	labelled   = 10 // cells of the column of labels
)

func newPage(style Style, width int) *page {
	if width <= 0 {
		width = usualWidth
	}
	return &page{style: style, signs: style.glyphs(), width: max(width, leastWidth)}
}

// add appends a line as it is, clipped to the page.
func (p *page) add(t text) { p.lines = append(p.lines, t.clip(p.width, p.signs.more)) }

// row appends a labelled text, wrapped beside its label.
func (p *page) row(label string, t text) {
	p.rows(label, t.wrap(p.room()))
}

// rows appends lines beside one label, each clipped.
func (p *page) rows(label string, lines []text) {
	for i, line := range lines {
		head := text{}
		if i == 0 {
			head = say(strong, label)
		}
		p.add(append(head.pad(labelled), line...))
	}
}

// narrow pages have no room for tables beside labels.
func (p *page) narrow() bool { return p.width < 60 }

// table appends lines that are laid out for the room below or beside a label; see beside.
func (p *page) table(label string, lines []text) {
	if !p.narrow() || len(lines) == 0 {
		p.rows(label, lines)
		return
	}
	p.add(say(strong, label))
	for _, line := range lines {
		p.add(append(text{}.pad(between), line...))
	}
}

// beside is the room that table gives to lines.
func (p *page) beside() int {
	if p.narrow() {
		return p.width - between
	}
	return p.room()
}

func (p *page) room() int { return p.width - labelled }

// String paints the page.
func (p *page) String() string {
	var b strings.Builder
	for _, line := range p.lines {
		b.WriteString(line.paint(p.style) + "\n")
	}
	return b.String()
}
