package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sound is a file without a fault; each case spoils it at one place.
const sound = `apiVersion: serin.dev/v1alpha1
kind: Process
metadata: {name: shop}
spec:
  replicas: 2
  version: "1.0"
  command: [./shop, --port, "$(PORT)"]
  health: {path: /healthz}
---
apiVersion: serin.dev/v1alpha1
kind: Canary
metadata: {name: shop}
spec:
  target: {kind: Process, name: shop}
  traffic: {proxy: {listen: "127.0.0.1:0"}}
  groups: {sre: [ana]}
  steps:
  - {weight: 10, hold: 1m}
  - {weight: 50, hold: 1m}
  judge: {failures: {tolerate: 1.1x}}
`

// Bad input gets exactly one diagnostic, at its place and field, from lint and from run alike, and run starts nothing.
func TestBadFiles(t *testing.T) {
	cases := []struct {
		reason   string
		old, new string // old is replaced once; empty: new is the whole file
		at       string // line:column
		field    string
		says     string
	}{
		{"YAML that is none", "", "kind: [Process\n", "1:1", "", "the file is not YAML"},
		{"an empty file", "", "", "1:1", "", "there is no Canary in these files"},
		{"tabs", "  replicas: 2", "\treplicas: 2", "5:1", "", "the file is not YAML: found character that cannot start any token"},
		{"another apiVersion", "apiVersion: serin.dev/v1alpha1\nkind: Canary", "apiVersion: serin.dev/v2\nkind: Canary", "10:13", "apiVersion", `unknown apiVersion "serin.dev/v2"; want serin.dev/v1alpha1`},
		{"an unknown kind", "kind: Canary", "kind: Canari", "11:7", "kind", `unknown kind "Canari"; did you mean Canary?`},
		{"an unknown field", "hold: 1m", "hodl: 1m", "18:18", "spec.steps[0].hodl", "unknown field hodl; did you mean hold?"},
		{"the same field twice", "  replicas: 2\n", "  replicas: 2\n  replicas: 3\n", "6:3", "spec.replicas", "field replicas is given twice; first in line 5"},
		{"a duration without a unit", "{weight: 10, hold: 1m}", "{weight: 10, hold: 30}", "18:24", "spec.steps[0].hold", "30 has no unit; write for instance 30s or 30m"},
		{"a negative duration", "{weight: 10, hold: 1m}", "{weight: 10, hold: -1m}", "18:24", "spec.steps[0].hold", "-1m is negative"},
		{"a weight over 100", "weight: 50", "weight: 150", "19:14", "spec.steps[1].weight", "150 is not from 0 to 100 per cent"},
		{"a negative weight", "weight: 10", "weight: -10", "18:14", "spec.steps[0].weight", "-10 is not from 0 to 100 per cent"},
		{"a weight that falls", "weight: 50", "weight: 5", "19:14", "spec.steps[1].weight", "5% is less than 10% before; a release only goes up, rolling"},
		{"a weight finer than the router can", "weight: 10", "weight: 10.55", "18:14", "spec.steps[0].weight", "10.55 is finer than 0.1 per cent"},
		{"no steps", "  steps:\n  - {weight: 10, hold: 1m}\n  - {weight: 50, hold: 1m}\n", "  steps: []\n", "17:10", "spec.steps", "there are no steps; leave the field out for those of"},
		{"an empty step", "{weight: 10, hold: 1m}", "{}", "18:5", "spec.steps[0]", "the step does nothing; give it a weight, mirror, match,"},
		{"a target that is not there", "target: {kind: Process, name: shop}", "target: {kind: Process, name: shoop}", "14:33", "spec.target.name", "there is no Process/shoop in these files; did you mean Process/shop?"},
		{"a kind of target that does not exist", "target: {kind: Process", "target: {kind: Lambda", "14:18", "spec.target.kind", "unknown kind of target Lambda; there is DaemonSet, Deployment, Process, Service, StatefulSet, Upstream"},
		{"a name that is none", "kind: Canary\nmetadata: {name: shop}", "kind: Canary\nmetadata: {name: Shop_1}", "12:18", "metadata.name", `"Shop_1" is not a name: want at most 63 lower-case letters,`},
		{"no replicas", "replicas: 2", "replicas: 0", "5:13", "spec.replicas", "0 is not from 1 to 1000"},
		{"a command that is not there", "  command: [./shop, --port, \"$(PORT)\"]\n", "", "5:3", "spec.command", "names no program"},
		{"a reference that is none", "$(PORT)", "$(PROT)", "7:29", "spec.command[2]", "$(PROT) is none of $(INSTANCE), $(PORT), $(REVISION); write"},
		{"a group that nobody is in", "{weight: 50, hold: 1m}", "{weight: 50, approve: {group: srx}}", "19:35", "spec.steps[1].approve.group", "there is no group srx in spec.groups"},
		{"an unknown strategy", "  steps:", "  strategy: canary\n  steps:", "17:13", "spec.strategy", "unknown strategy canary; there is ab, blueGreen, mirror,"},
		{"an unknown router", "{proxy: {listen: \"127.0.0.1:0\"}}", "{nginx: {}}", "15:13", "spec.traffic.nginx", "unknown router nginx; there is endpoints, gatewayAPI, istio, proxy, replicas"},
		{"a setting the router does not know", "listen: \"127.0.0.1:0\"", "lissten: \"127.0.0.1:0\"", "15:30", "spec.traffic.proxy.lissten", "no such field"},
		{"an address that is none", "listen: \"127.0.0.1:0\"", "listen: 8080", "15:29", "spec.traffic.proxy.listen", "want string, not number"},
		{"a judge that does not exist", "judge: {failures", "judge: {kind: oracle, failures", "20:17", "spec.judge.kind", "unknown judge oracle; there is condition, kayenta, none, sequential, threshold"},
		{"a setting the judge does not know", "tolerate: 1.1x", "tollerate: 1.1x", "20:33", "spec.judge.failures.tollerate", "unknown field"},
		{"a tolerance below one", "tolerate: 1.1x", "tolerate: 0.5x", "20:32", "spec.judge.failures.tolerate", "0.5x is below 1x, which tolerates no equal release"},
		{"metrics that do not exist", "  judge:", "  metrics: {influx: {}}\n  judge:", "20:13", "spec.metrics.influx", "unknown metric store influx; there is prometheus, proxy, scrape, web"},
		{"looks without end", "  judge:", "  metrics: {every: 1ms}\n  judge:", "20:20", "spec.metrics.every", "1ms is less than 100ms between two looks"},
		{"a webhook without URL", "  judge:", "  notify: [{webhook: {}}]\n  judge:", "20:13", "spec.notify[0].webhook.url", "is missing"},
		{"a match that compares nothing", "{weight: 10, hold: 1m}", "{match: [{header: {name: X-A}}], hold: 1m}", "18:23", "spec.steps[0].match[0].header", "give exactly one of exact, prefix, regex and present"},
		{"a regular expression that is none", "{weight: 10, hold: 1m}", "{match: [{header: {name: X-A, regex: \"(\"}}], hold: 1m}", "18:42", "spec.steps[0].match[0].header.regex", "not a regular expression (RE2): error parsing regexp:"},
	}
	line := regexp.MustCompile(`^(.*):(\d+:\d+): error: (?:([a-zA-Z.\[\]0-9]+): )?(.+)$`)
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			text := c.new
			if c.old != "" {
				if text = strings.Replace(sound, c.old, c.new, 1); text == sound {
					t.Fatalf("%q is not in the sound file", c.old)
				}
			}
			dir := t.TempDir()
			file := filepath.Join(dir, "shop.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			lint := command(t, os.Environ(), "", "lint", "-f", file)
			got := strings.Split(strings.TrimSpace(lint.err), "\n")
			found := line.FindStringSubmatch(got[0])
			if lint.code != 1 || len(got) != 1 || found == nil || lint.out != "" {
				t.Errorf("want exit code 1 and one diagnostic, got %d:\n%s%s", lint.code, lint.err, lint.out)
			} else if found[1] != file || found[2] != c.at || found[3] != c.field || !strings.HasPrefix(found[4], c.says) {
				t.Errorf("want %s: %s: %s, got\n%s", c.at, c.field, c.says, got[0])
			}
			run := command(t, os.Environ(), "", "run", "-f", file, "--dir", filepath.Join(dir, "state"))
			if run.code != 1 || !strings.HasPrefix(run.err, lint.err) || !strings.Contains(run.err, "nothing was started") {
				t.Errorf("run: want the same and exit code 1, got %d:\n%s", run.code, run.err)
			}
			if logs, _ := filepath.Glob(filepath.Join(dir, "state", "workload", "*", "logs", "*")); len(logs) > 0 {
				t.Errorf("something was started: %v", logs)
			}
		})
	}
}
