package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"serin.dev/serin/internal/catalog"
)

var update = flag.Bool("update", false, "rewrite golden files")

const chart = "chart/serin"

// helm finds the program that renders, or skips the test.
func helm(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("HELM"); path != "" {
		return path
	}
	if here, err := filepath.Abs("../bin/helm"); err == nil {
		if _, err := os.Stat(here); err == nil {
			return here
		}
	}
	path, err := exec.LookPath("helm")
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("NOT RUN: this test renders the chart; `make bin/helm` brings helm")
	}
	return path
}

func render(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := Render(t.Context(), helm(t), chart, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// golden compares with a file that people review.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of step: run `make chart golden`, and review what has changed", path)
	}
}

func TestRulesFollowFromTheCatalog(t *testing.T) {
	rules, err := RulesOfCatalog()
	if err != nil {
		t.Fatal(err)
	}
	text, err := rules.YAML()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, chart+"/files/rules.yaml", text)
}

func TestChartCarriesTheDefinitions(t *testing.T) {
	generated, err := filepath.Glob("crds/*.yaml")
	if err != nil || len(generated) < 3 {
		t.Fatalf("find the definitions: %v, %v", generated, err)
	}
	carried, err := filepath.Glob(chart + "/files/crds/*.yaml")
	if err != nil || len(carried) != len(generated) {
		t.Errorf("the chart carries %v, %v; generated are %v", carried, err, generated)
	}
	for _, file := range generated {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ChartCRD(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		golden(t, filepath.Join(chart, "files/crds", filepath.Base(file)), want)
	}
}

// Every module that exists on a cluster has a switch, and every switch a module: the controller refuses to do without
// something it does not know.
func TestModulesHaveSwitches(t *testing.T) {
	var values struct{ Routers, Workloads, Metrics map[string]bool }
	read(t, chart+"/values.yaml", &values)
	known := catalog.OnCluster()
	workloads := map[string]bool{}
	for kind := range known.Workloads {
		workloads[word(kind)] = true
	}
	for _, c := range []struct {
		what            string
		switches, exist []string
	}{
		{"routers", sorted(values.Routers), sorted(known.Routers)},
		{"workloads", sorted(values.Workloads), sorted(workloads)},
		{"metrics", sorted(values.Metrics), sorted(known.Metrics)},
	} {
		if !slices.Equal(c.switches, c.exist) {
			t.Errorf("%s: the values switch %v, the catalog has %v", c.what, c.switches, c.exist)
		}
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func read(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
}

func TestEveryValueIsDescribed(t *testing.T) {
	var schema map[string]any
	read(t, chart+"/values.schema.json", &schema)
	described(t, "values", schema)
}

// described walks the properties of a schema.
func described(t *testing.T, path string, schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	if len(properties) == 0 {
		return
	}
	if schema["additionalProperties"] != false {
		t.Errorf("%s takes what it does not know", path)
	}
	for name, p := range properties {
		p, ok := p.(map[string]any)
		if !ok {
			t.Fatalf("%s.%s is no schema", path, name)
		}
		if text, _ := p["description"].(string); !strings.HasSuffix(strings.TrimRight(text, "})"), ".") && !strings.HasSuffix(text, "}") {
			t.Errorf("%s.%s has no sentence that describes it: %q", path, name, text)
		}
		described(t, path+"."+name, p)
	}
}

func TestChartIsClean(t *testing.T) {
	values, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(values) == 0 {
		t.Fatal(values, err)
	}
	for _, file := range values {
		if out, err := exec.CommandContext(t.Context(), helm(t), "lint", "--strict", chart, "--values", file).CombinedOutput(); err != nil {
			t.Errorf("lint with %s: %v\n%s", file, err, out)
		}
	}
}

func TestRenderedChart(t *testing.T) {
	for _, name := range []string{"namespaced", "small", "large"} {
		golden(t, "testdata/"+name+".golden.yaml", render(t, "--values", "testdata/values/"+name+".yaml"))
	}
}

func TestBaseFollowsFromTheChart(t *testing.T) {
	for name, text := range Base(render(t)) {
		if bytes.Contains(text, []byte("helm")) || bytes.Contains(text, []byte("Helm")) {
			t.Errorf("kustomize/%s has marks of Helm", name)
		}
		golden(t, "kustomize/"+name, text)
	}
}

func TestWrongValuesAreRefused(t *testing.T) {
	for _, c := range []struct{ set, says, reason string }{
		{"replica=3", "replica", "a word nobody knows"},
		{"routers.nginx=true", "nginx", "a router that does not exist"},
		{"image.digest=sha256:12", "digest", "no digest"},
		{"replicas=two", "replicas", "no number"},
		{"leaderElection.enabled=false", "replicas", "two processes without a leader fight"},
		{"namespaces={Shop}", "namespaces", "no name of a namespace"},
		{"namespaces={a,a}", "namespaces", "twice the same"},
		{"secrets.namespaces=shop", "secrets", "a text where a list belongs"},
		{"serviceAccount.create=false", "name", "whose account?"},
		{"serviceMonitor.enabled=true,metricsService.enabled=false", "metricsService", "a monitor of no service"},
		{"tracing.env.PATH=/", "PATH", "tracing sets variables of OpenTelemetry alone"},
		{"ports.metrics=80", "metrics", "no user without rights may bind it"},
	} {
		out, err := Render(t.Context(), helm(t), chart, "--set", c.set)
		if err == nil {
			t.Errorf("%s is accepted (%s):\n%.300s", c.set, c.reason, out)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s (%s): the refusal does not name %s: %v", c.set, c.reason, c.says, err)
		}
	}
}

// Modules that are off leave nothing behind, and those that are on bring what their drivers ask for.
func TestModulesBringTheirPermissions(t *testing.T) {
	rules, err := RulesOfCatalog()
	if err != nil {
		t.Fatal(err)
	}
	role := func(set string) string {
		for _, o := range objects(t, render(t, "--set", set)) {
			if o.GetKind() == "ClusterRole" && o.GetName() == "serin" {
				text, err := json.Marshal(o.Object["rules"])
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}
		}
		t.Fatalf("--set %s: no ClusterRole serin", set)
		return ""
	}
	all, none := []string{}, []string{}
	for _, module := range append(prefixed("routers", rules.Routers), prefixed("workloads", rules.Workloads)...) {
		all, none = append(all, module+"=true"), append(none, module+"=false")
	}
	with, without := role(strings.Join(all, ",")), role(strings.Join(none, ","))
	for _, resource := range []string{"deployments", "statefulsets", "httproutes", "configmaps"} {
		if !strings.Contains(with, `"`+resource+`"`) || strings.Contains(without, `"`+resource+`"`) {
			t.Errorf("%s: with all modules %v, without any %v", resource, strings.Contains(with, resource), strings.Contains(without, resource))
		}
	}
	if strings.Contains(with, "secrets") {
		t.Error("Secrets of the whole cluster are within reach")
	}
}

func prefixed[V any](kind string, m map[string]V) []string {
	var list []string
	for _, name := range sorted(m) {
		list = append(list, kind+"."+name)
	}
	return list
}
