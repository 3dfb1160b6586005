package native

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/plan"
)

// Limits of one file.
const (
	maxBytes  = 1 << 20
	maxValues = 100_000 // after aliases are written out
	maxDepth  = 64
)

// A File is a named text, for instance read from disk.
type File struct {
	Name string
	Data []byte
}

// A document is one YAML document of a file, not yet understood.
type document struct {
	file string
	root *yaml.Node
	kind string
	name string
	*budget
}

// A budget is what is left of the limits of a file, over all its documents.
type budget struct {
	values int  // read so far
	full   bool // a limit was passed and said; nothing further is read
}

func (d document) object() string { return strings.TrimSpace(d.kind + " " + d.name) }

// at is the origin of a node of the document.
func (d document) at(n *yaml.Node, field string) plan.Origin {
	return plan.Origin{File: d.file, Line: max(1, n.Line), Column: max(1, n.Column), Object: d.object(), Field: field}
}

// documents splits a file. What stands before a syntax error is still read, so that its errors are told as well.
func documents(f File, notes *compile.Notes) (docs []document) {
	if len(f.Data) > maxBytes {
		notes.Refuse(plan.Origin{File: f.Name, Line: 1, Column: 1}, "the file has %d bytes; at most %d are read", len(f.Data), maxBytes)
		return nil
	}
	defer func() { // a parser that panics on a strange file must not take the program with it
		if r := recover(); r != nil {
			notes.Refuse(plan.Origin{File: f.Name, Line: 1, Column: 1}, "the file is not YAML: %v", r)
		}
	}()
	d, limits := yaml.NewDecoder(bytes.NewReader(f.Data)), new(budget)
	for {
		var root yaml.Node
		err := d.Decode(&root)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			line, text := syntaxError(err)
			notes.Refuse(plan.Origin{File: f.Name, Line: line, Column: 1}, "the file is not YAML: %s", text)
			return docs
		}
		if doc, ok := newDocument(f.Name, &root, limits); ok {
			docs = append(docs, doc)
		}
	}
}

// newDocument peeks at what the document says it is; an empty one is nothing.
func newDocument(file string, root *yaml.Node, limits *budget) (document, bool) {
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		return document{}, false
	}
	doc := document{file: file, root: root.Content[0], budget: limits}
	if doc.root.Kind == yaml.ScalarNode && doc.root.Tag == "!!null" {
		return document{}, false
	}
	doc.kind = text(child(doc.root, "kind"))
	doc.name = text(child(child(doc.root, "metadata"), "name"))
	return doc, true
}

// child is the value of a key of a mapping, or nil. It only peeks: aliases and merges are left to the decoder.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

// syntaxError takes the line out of the library's message; the file's first line where it names none.
func syntaxError(err error) (line int, text string) {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return 1, err.Error()
	}
	line, _ = strconv.Atoi(m[1])
	return max(1, line), m[2]
}
