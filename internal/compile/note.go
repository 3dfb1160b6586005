package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"serin.dev/serin/internal/plan"
)

// A Severity says whether a note forbids the release.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the release cannot be compiled
	Warning Severity = "warning" // it can, and the user should know something about it
)

// A Note is one diagnostic about the user's own files.
type Note struct {
	Origin   plan.Origin
	Severity Severity
	Message  string
}

// String writes the note as "file:line:column: severity: field: message", the form editors and CI systems understand.
// A field that is not known is left out, as is its colon.
func (n Note) String() string {
	field := ""
	if n.Origin.Field != "" {
		field = n.Origin.Field + ": "
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s%s", cmp.Or(n.Origin.File, "-"), n.Origin.Line, n.Origin.Column, n.Severity, field, n.Message)
}

// Notes are diagnostics in the order of the user's files.
type Notes []Note

// Err reports whether any note is an error.
func (n Notes) Err() bool {
	return slices.ContainsFunc(n, func(note Note) bool { return note.Severity == Error })
}

// String writes one note per line.
func (n Notes) String() string {
	lines := make([]string, len(n))
	for i, note := range n {
		lines[i] = note.String() + "\n"
	}
	return strings.Join(lines, "")
}

// Refuse adds an error about a place in the user's files.
func (n *Notes) Refuse(at plan.Origin, format string, args ...any) {
	*n = append(*n, Note{at, Error, fmt.Sprintf(format, args...)})
}

// Warn adds a warning about a place in the user's files.
func (n *Notes) Warn(at plan.Origin, format string, args ...any) {
	*n = append(*n, Note{at, Warning, fmt.Sprintf(format, args...)})
}

// Sort puts the notes in the order of files, lines and columns and drops those said twice.
func (n *Notes) Sort() {
	slices.SortStableFunc(*n, func(a, b Note) int {
		return cmp.Or(strings.Compare(a.Origin.File, b.Origin.File),
			cmp.Compare(a.Origin.Line, b.Origin.Line), cmp.Compare(a.Origin.Column, b.Origin.Column))
	})
	*n = slices.Compact(*n)
}
