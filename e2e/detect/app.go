package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"text/template"

	"serin.dev/serin/internal/cli"
)

// A character is how an application always is, and what its bad versions do.
type character struct {
	name    string
	metrics string   // where looks come from
	always  []string // flags of every version
	harms   []harm
}

// A harm is what is wrong with a bad version.
type harm struct {
	name  string
	flags []string
}

var (
	failing = harm{"errors: 500 for one second in nine, other errors for two", []string{"--random-error"}}
	dragged = harm{"slow: up to 150 ms more", delays(20, 150)}
	tired   = harm{"slow: 5 to 25 ms more", delays(5, 25)}
)

var characters = [...]character{
	{name: "quick, counted by the proxy", metrics: "proxy: {}", harms: []harm{failing, dragged}},
	{name: "quick, counted by the proxy", metrics: "proxy: {}", harms: []harm{failing, tired}},
	{name: "quick, scraped", metrics: "scrape: {preset: podinfo}", harms: []harm{failing, dragged}},
	{name: "quick, scraped", metrics: "scrape: {preset: podinfo}", harms: []harm{failing, tired}},
	{name: "takes 2 to 10 ms, counted by the proxy", metrics: "proxy: {}", always: delays(2, 10), harms: []harm{
		{"errors beside the usual delays", []string{"--random-error"}},
		{"slow: 10 to 50 ms", delays(10, 50)},
	}},
}

func delays(from, to int) []string {
	return []string{"--random-delay", "--random-delay-unit=ms", fmt.Sprintf("--random-delay-min=%d", from), fmt.Sprintf("--random-delay-max=%d", to)}
}

// An app is an application that is released again and again.
type app struct {
	character
	id      string
	file    string
	podinfo string
	listen  string
	client  *cli.Client
}

// newApp writes the file of the first version.
func newApp(i int, dir, podinfo string) (*app, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	id := fmt.Sprintf("shop%d", i+1)
	a := &app{character: characters[i], id: id, file: filepath.Join(dir, id+".yaml"), podinfo: podinfo, listen: listen}
	return a, a.write(1, nil)
}

var manifest = template.Must(template.New("app.yaml").Parse(`apiVersion: serin.dev/v1alpha1
kind: Process
metadata: {name: {{.ID}}}
spec:
  replicas: 2
  version: v{{.Number}}
  command: [{{printf "%q" .Podinfo}}, --port, "$(PORT)", --level, error, --ui-message, v{{.Number}}{{range .Flags}}, {{printf "%q" .}}{{end}}]
  health: {path: /readyz}
---
apiVersion: serin.dev/v1alpha1
kind: Canary
metadata: {name: {{.ID}}}
spec:
  target: {kind: Process, name: {{.ID}}}
  traffic:
    proxy: {listen: {{printf "%q" .Listen}}, tell: true}
  steps:
  - {weight: 10, hold: 6s}
  - {weight: 30, hold: 4s}
  - {weight: 50, hold: 2s}
  metrics: {every: 500ms, {{.Metrics}}}
`))

// write puts a version into the user's file, as a whole or not at all. Flags given later win over those of the character.
func (a *app) write(number int, flags []string) error {
	var text bytes.Buffer
	err := manifest.Execute(&text, map[string]any{
		"ID": a.id, "Number": number, "Podinfo": a.podinfo, "Listen": a.listen, "Metrics": a.metrics,
		"Flags": append(a.always[:len(a.always):len(a.always)], flags...),
	})
	if err != nil {
		return fmt.Errorf("write version %d of %s: %w", number, a.id, err)
	}
	next := a.file + ".next"
	if err := os.WriteFile(next, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write version %d of %s: %w", number, a.id, err)
	}
	return os.Rename(next, a.file)
}

// freeAddress is a loopback address at which nothing is served now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
