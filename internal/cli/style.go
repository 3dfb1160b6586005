package cli

import "strings"

// A Style says what the terminal understands.
type Style struct {
	Colour bool // escape sequences for colour
	ASCII  bool // glyphs of seven bits only
}

// StyleFor reads the style from the environment. tty says whether the output is a terminal at all.
func StyleFor(env func(string) string, tty bool) Style {
	return Style{
		Colour: tty && env("NO_COLOR") == "" && env("TERM") != "dumb",
		ASCII:  !unicodeLocale(env),
	}
}

// unicodeLocale reports whether the locale can show more than ASCII. No locale at all is what containers and build
// servers have, whose logs are read in UTF-8.
func unicodeLocale(env func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(env(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// A tone is what a piece of text means to the eye. Words next to it say the same.
type tone int

const (
	plain tone = iota
	strong
	quiet
	good
	bad
	alert
	blue   // stable
	orange // canary
)

// escape returns the sequence (ECMA-48 SGR) that begins a tone. Only the sixteen colours that users choose themselves.
func (t tone) escape() string {
	return [...]string{plain: "", strong: "\x1b[1m", quiet: "\x1b[2m", good: "\x1b[32m", bad: "\x1b[1;31m", alert: "\x1b[33m", blue: "\x1b[34m", orange: "\x1b[33m"}[t]
}

// A glyphs is the set of signs of a style.
type glyphs struct {
	arrow, more             string
	ready, missing, leaving string
	done, current, next     string
	skipped, failed, back   string
	first, second           string // the parts of a bar
	branch, last, trunk     string
	pass, fail, hold, dark  string
	line, mark, limit       string // of a scale
}

func (s Style) glyphs() glyphs {
	if s.ASCII {
		return glyphs{
			arrow: "->", more: "~", ready: "*", missing: "o", leaving: "-",
			done: "+", current: ">", next: ".", skipped: "-", failed: "x", back: "<",
			first: "#", second: ":", branch: "|-", last: "`-", trunk: "| ",
			pass: "+", fail: "x", hold: ".", dark: "?", line: "-", mark: "#", limit: "|",
		}
	}
	return glyphs{
		arrow: "→", more: "…", ready: "●", missing: "○", leaving: "◌",
		done: "✓", current: "▶", next: "·", skipped: "–", failed: "✗", back: "↩",
		first: "█", second: "░", branch: "├─", last: "└─", trunk: "│ ",
		pass: "✓", fail: "✗", hold: "…", dark: "?", line: "─", mark: "●", limit: "┃",
	}
}
