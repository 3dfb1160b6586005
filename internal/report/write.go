package report

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
)

// A Format is how a report is written.
type Format string

// The formats.
const (
	Text     Format = "text"
	Markdown Format = "md"
	JUnit    Format = "junit"
	HTML     Format = "html"
	JSON     Format = "json"
)

// Formats lists them all.
func Formats() []Format { return []Format{Text, Markdown, JUnit, HTML, JSON} }

// ByName is the format that the name of a file asks for.
func ByName(file string) (Format, error) {
	switch filepath.Ext(file) {
	case ".html", ".htm":
		return HTML, nil
	case ".md":
		return Markdown, nil
	case ".xml":
		return JUnit, nil
	case ".json":
		return JSON, nil
	case ".txt":
		return Text, nil
	}
	return "", fmt.Errorf("report %s: the name says no format; end it with .html, .md, .xml, .json or .txt", file)
}

// Write writes the record in a format.
func (r Record) Write(w io.Writer, as Format) error {
	switch as {
	case Text:
		return r.text(w)
	case Markdown:
		return r.markdown(w)
	case JUnit:
		return r.junit(w)
	case HTML:
		return r.page(w)
	case JSON:
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return fmt.Errorf("report %s: no format %q", r.Release, as)
}
