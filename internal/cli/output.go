package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// A format is how a command writes what it shows.
type format string

const (
	plainText format = ""
	wideText  format = "wide"
	jsonText  format = "json"
	yamlText  format = "yaml"
	nameText  format = "name"
)

// A formatFlag accepts the formats of one command.
type formatFlag struct {
	value   format
	allowed []string
}

func (f *formatFlag) String() string { return string(f.value) }
func (f *formatFlag) Type() string   { return "format" }
func (f *formatFlag) Set(s string) error {
	if !slices.Contains(f.allowed, s) {
		return fmt.Errorf("must be one of %s", strings.Join(f.allowed, ", "))
	}
	f.value = format(s)
	return nil
}

// formats adds the flag -o to a command.
func formats(cmd *cobra.Command, allowed ...string) *format {
	f := &formatFlag{allowed: allowed}
	cmd.Flags().VarP(f, "output", "o", "how to write: "+strings.Join(allowed, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return &f.value
}

// writeJSON writes a value for people and programs alike.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// writeYAML writes the JSON form of a value as YAML, its fields in the same order. JSON is YAML, so it is read as such and
// only its style changes.
func writeYAML(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := writeJSON(&b, v); err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b.Bytes(), &doc); err != nil {
		return fmt.Errorf("turn JSON into YAML: %w", err)
	}
	relax(&doc)
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return err
	}
	return e.Close()
}

// relax lets the encoder choose the style of every node. Empty lists keep their brackets.
func relax(n *yaml.Node) {
	if len(n.Content) > 0 || n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, child := range n.Content {
		relax(child)
	}
}
