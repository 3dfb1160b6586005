package cli

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// A span is text of one tone.
type span struct {
	text string
	tone tone
}

// A text is a piece of a line. Its width is known before it is coloured, so that what is aligned stays so.
type text []span

// say makes text of somebody else's words, without what could move the cursor or break the line.
func say(t tone, words string) text { return text{{clean(words), t}} }

// clean turns line breaks and tabs into spaces and drops control and formatting characters.
func clean(words string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, words)
}

func words(parts ...text) text {
	var all text
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// spaced joins the texts that are not empty with a gap of n cells.
func spaced(n int, parts ...text) text {
	var all text
	for _, p := range parts {
		if p.width() == 0 {
			continue
		}
		if len(all) > 0 {
			all = append(all, span{text: strings.Repeat(" ", n)})
		}
		all = append(all, p...)
	}
	return all
}

func (t text) width() int {
	n := 0
	for _, s := range t {
		n += uniseg.StringWidth(s.text)
	}
	return n
}

// clip shortens the text to a number of cells; what is cut is replaced by the sign for more.
func (t text) clip(cells int, more string) text {
	if t.width() <= cells {
		return t
	}
	room := cells - uniseg.StringWidth(more)
	if room < 0 {
		return nil
	}
	var kept text
	for _, s := range t {
		head := prefix(s.text, room)
		kept = append(kept, span{head, s.tone})
		room -= uniseg.StringWidth(head)
		if head != s.text {
			return append(kept, span{more, s.tone})
		}
	}
	return kept
}

// prefix is the longest beginning of whole characters that fits.
func prefix(s string, cells int) string {
	end := 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if cells -= g.Width(); cells < 0 {
			break
		}
		_, end = g.Positions()
	}
	return s[:end]
}

// pad adds spaces up to a number of cells.
func (t text) pad(cells int) text {
	if gap := cells - t.width(); gap > 0 {
		return append(t[:len(t):len(t)], span{text: strings.Repeat(" ", gap)})
	}
	return t
}

// wrap breaks the text at spaces into lines of at most so many cells; a word that is longer is broken anywhere.
func (t text) wrap(cells int) []text {
	lines := []text{nil}
	room := cells
	for _, w := range t.split() {
		gap := 0
		if room < cells {
			gap = 1
		}
		if w.width()+gap > room && room < cells {
			lines, room, gap = append(lines, nil), cells, 0
		}
		for ; w.width() > cells; w = w.after(cells) {
			lines[len(lines)-1] = w.clip(cells, "")
			lines = append(lines, nil)
		}
		last := &lines[len(lines)-1]
		if gap > 0 {
			*last = append(*last, span{" ", w[0].tone})
		}
		*last = append(*last, w...)
		room -= gap + w.width()
	}
	return lines
}

// split returns the words of the text; a word may have several tones.
func (t text) split() []text {
	var all []text
	var word text
	for _, s := range t {
		for i, part := range strings.Split(s.text, " ") {
			if i > 0 && len(word) > 0 {
				all, word = append(all, word), nil
			}
			if part != "" {
				word = append(word, span{part, s.tone})
			}
		}
	}
	if len(word) > 0 {
		all = append(all, word)
	}
	return all
}

// after drops the characters that fit into so many cells.
func (t text) after(cells int) text {
	for i, s := range t {
		head := prefix(s.text, cells)
		cells -= uniseg.StringWidth(head)
		if head != s.text {
			return append(text{{s.text[len(head):], s.tone}}, t[i+1:]...)
		}
	}
	return nil
}

// paint writes the text in a style, without spaces at its end.
func (t text) paint(style Style) string {
	var b strings.Builder
	for i, s := range t {
		shown := s.text
		if i == len(t)-1 {
			shown = strings.TrimRight(shown, " ")
		}
		if !style.Colour || s.tone == plain || strings.TrimSpace(shown) == "" {
			b.WriteString(shown)
			continue
		}
		b.WriteString(s.tone.escape() + shown + "\x1b[0m")
	}
	return strings.TrimRight(b.String(), " ")
}
