package main

import (
	"fmt"
	"os"
	"strings"
)

// A spec is the file of one application, as its user writes it.
type spec struct {
	app      string // its settings, see appSettings
	replicas int    // default 2
	process  string // further fields of the Process, one a line
	canary   string // further fields of the Canary
	proxy    string // further settings of the proxy: ", patience: 5s"
	traffic  string // further fields of the Canary's traffic
	metrics  string // default "proxy: {}"
	name     string // default shop
}

// yaml writes the file. Releases are quick: looks every 200 ms.
func (s spec) yaml() string {
	if s.replicas == 0 {
		s.replicas = 2
	}
	if s.name == "" {
		s.name = "shop"
	}
	if s.metrics == "" {
		s.metrics = "proxy: {}"
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(s.app, "version="), "&")
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`apiVersion: serin.dev/v1alpha1
kind: Process
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  version: %[3]s
  command: [%[4]q]
  env: {%[5]s: %[6]q, %[7]s: MARK}
  health: {path: /healthz, interval: 100ms}
  restart: {backoff: 200ms..1s}
%[8]s
---
apiVersion: serin.dev/v1alpha1
kind: Canary
metadata: {name: %[1]s}
spec:
  target: {kind: Process, name: %[1]s}
  traffic:
    proxy: {listen: "LISTEN"%[10]s}
%[11]s
  metrics: {every: 200ms, %[12]s}
%[9]s
`, s.name, s.replicas, version, self, appSettings, s.app, mark, indent(s.process), indent(s.canary), s.proxy, indent("  "+s.traffic), s.metrics)
}

func indent(text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
