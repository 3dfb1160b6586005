package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

// A version is one of the releases of the demo: the same program with other flags.
type version struct {
	Name  string
	Flags []string
	text  string
}

var (
	first = version{Name: "v1"}
	good  = version{Name: "v2", Flags: []string{"--ui-color", "#577c34"}}
)

// faults are what the bad version can do, by podinfo's own flags: in one second of nine it answers every request with 500,
// in two more with another error of its own; or each answer takes up to 150 ms.
var faults = map[string]version{
	"errors": {Name: "v3", Flags: []string{"--random-error"}, text: "random errors"},
	"delays": {Name: "v3", Flags: []string{"--random-delay", "--random-delay-unit", "ms", "--random-delay-min", "20", "--random-delay-max", "150"}, text: "random delays"},
}

// Faults lists what the bad version can do.
func Faults() []string { return []string{"errors", "delays"} }

var shop = template.Must(template.New("shop.yaml").Parse(`apiVersion: serin.dev/v1alpha1
kind: Process
metadata: {name: shop}
spec:
  replicas: 2
  version: {{.Name}}
  command: [{{printf "%q" .App}}, --port, "$(PORT)", --level, error{{range .Flags}}, {{printf "%q" .}}{{end}}]
  health: {path: /readyz}
---
apiVersion: serin.dev/v1alpha1
kind: Canary
metadata: {name: shop}
spec:
  target: {kind: Process, name: shop}
  traffic:
    proxy: {listen: {{printf "%q" .Listen}}, tell: true}
  steps:
  - {weight: 5, hold: 10s}
  - {weight: 25, hold: 10s}
  - {weight: 50, hold: 10s}
  metrics: {proxy: {}, every: 1s}
`))

// write puts a version into the user's file, as a whole or not at all.
func (s *show) write(v version) error {
	app, err := filepath.Abs(s.App)
	if err != nil {
		return fmt.Errorf("find %s: %w", s.App, err)
	}
	var text bytes.Buffer
	err = shop.Execute(&text, struct {
		version
		App, Listen string
	}{v, app, s.Listen})
	if err != nil {
		return fmt.Errorf("write version %s: %w", v.Name, err)
	}
	next := s.file + ".next"
	if err := os.WriteFile(next, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write version %s: %w", v.Name, err)
	}
	if err := os.Rename(next, s.file); err != nil {
		return fmt.Errorf("write version %s: %w", v.Name, err)
	}
	return nil
}
