package native

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/compile"
)

// covered says what becomes of every field of the types: lowered (into which word of the draft), checked (read only to
// refuse what is wrong), passed over, or reported (written by Report). A field that is not listed fails the test.
var covered = map[string]string{
	"Canary.apiVersion":                             "checked   says that this dialect reads the document",
	"Canary.kind":                                   "checked   says which type the document has",
	"Canary.metadata.name":                          "lowered   Draft.Name",
	"Canary.metadata.namespace":                     "lowered   Draft.Namespace; must agree with the target's",
	"Canary.metadata.labels.*":                      "passed over, as its documentation says",
	"Canary.metadata.annotations.*":                 "passed over, as its documentation says",
	"Canary.metadata.generation":                    "passed over: the caller hands it to Report",
	"Canary.metadata.uid":                           "passed over: the cluster's",
	"Canary.metadata.resourceVersion":               "passed over: the cluster's",
	"Canary.metadata.creationTimestamp":             "passed over: the cluster's",
	"Canary.metadata.managedFields":                 "passed over: the cluster's",
	"Canary.metadata.ownerReferences":               "passed over: the cluster's",
	"Canary.metadata.finalizers":                    "passed over: the cluster's",
	"Canary.spec.target.kind":                       "lowered   Target.Kind",
	"Canary.spec.target.canary":                     "lowered   Target.Canary; refused for other kinds than Service",
	"Canary.spec.target.name":                       "lowered   Target.Name",
	"Canary.spec.strategy":                          "lowered   Draft.Strategy",
	"Canary.spec.rolling.batch":                     "lowered   Move.Weight of each batch",
	"Canary.spec.rolling.hold":                      "lowered   Move.Hold of each batch",
	"Canary.spec.traffic.sticky.cookie":             "lowered   Draft.Sticky.Cookie",
	"Canary.spec.traffic.sticky.header":             "lowered   Draft.Sticky.Header",
	"Canary.spec.traffic.sticky.maxAge":             "lowered   Draft.Sticky.MaxAge",
	"Canary.spec.traffic.<Router>":                  "lowered   Draft.Router; unknown names refused, settings checked by the router",
	"Canary.spec.steps[].name":                      "lowered   Move.Name",
	"Canary.spec.steps[].weight":                    "lowered   Move.Weight",
	"Canary.spec.steps[].mirror":                    "lowered   Move.Mirror",
	"Canary.spec.steps[].match[].header.name":       "lowered   Match.Headers, Condition.Name",
	"Canary.spec.steps[].match[].header.exact":      "lowered   Condition.How, Value",
	"Canary.spec.steps[].match[].header.prefix":     "lowered   Condition.How, Value",
	"Canary.spec.steps[].match[].header.regex":      "lowered   Condition.How, Value",
	"Canary.spec.steps[].match[].header.present":    "lowered   Condition.How; false is refused",
	"Canary.spec.steps[].match[].cookie.name":       "lowered   Match.Cookies, Condition.Name",
	"Canary.spec.steps[].match[].cookie.exact":      "lowered   Condition.How, Value",
	"Canary.spec.steps[].match[].cookie.prefix":     "lowered   Condition.How, Value",
	"Canary.spec.steps[].match[].cookie.regex":      "lowered   Condition.How, Value",
	"Canary.spec.steps[].match[].cookie.present":    "lowered   Condition.How; false is refused",
	"Canary.spec.steps[].match[].path.name":         "refused   a path has no name",
	"Canary.spec.steps[].match[].path.exact":        "lowered   Match.Path",
	"Canary.spec.steps[].match[].path.prefix":       "lowered   Match.Path",
	"Canary.spec.steps[].match[].path.regex":        "lowered   Match.Path",
	"Canary.spec.steps[].match[].path.present":      "refused   every request has a path",
	"Canary.spec.steps[].capacity":                  "lowered   Move.Capacity",
	"Canary.spec.steps[].hold":                      "lowered   Move.Hold",
	"Canary.spec.steps[].approve.group":             "lowered   Move.Approve.Group",
	"Canary.spec.steps[].approve.within":            "lowered   Move.Approve.Within",
	"Canary.spec.steps[].until":                     "lowered   Move.Proven",
	"Canary.spec.steps[].notify[].name":             "lowered   Hook.Name",
	"Canary.spec.steps[].notify[].on[]":             "lowered   Hook.On; all but entered refused",
	"Canary.spec.steps[].notify[].<Notifier>":       "lowered   Hook.Use; unknown names refused, settings checked by the notifier",
	"Canary.spec.metrics.every":                     "lowered   Analysis.Every",
	"Canary.spec.metrics.<Source>":                  "lowered   Analysis.Source; unknown names refused, settings checked by the store",
	"Canary.spec.judge.kind":                        "lowered   Analysis.Judge.Kind; none: no analysis",
	"Canary.spec.judge.<Settings>":                  "lowered   Analysis.Judge.With, and each query of its metrics Analysis.Queries; checked by the judge and the stores asked",
	"Canary.spec.insufficient.within":               "lowered   Draft.Patience",
	"Canary.spec.progressDeadline":                  "lowered   Draft.Deadline",
	"Canary.spec.groups.*[]":                        "lowered   Draft.Groups",
	"Canary.spec.notify[].name":                     "lowered   Hook.Name",
	"Canary.spec.notify[].on[]":                     "lowered   Hook.On",
	"Canary.spec.notify[].<Notifier>":               "lowered   Hook.Use; unknown names refused, settings checked by the notifier",
	"Canary.status":                                 "passed over: serin's to write, never read from files",
	"Canary.status.observedGeneration":              "reported",
	"Canary.status.stable":                          "reported",
	"Canary.status.release":                         "reported",
	"Canary.status.message":                         "reported",
	"Canary.status.conditions[].type":               "reported",
	"Canary.status.conditions[].status":             "reported",
	"Canary.status.conditions[].observedGeneration": "reported",
	"Canary.status.conditions[].lastTransitionTime": "reported",
	"Canary.status.conditions[].reason":             "reported",
	"Canary.status.conditions[].message":            "reported",
	"Canary.status.diagnostics[].field":             "reported",
	"Canary.status.diagnostics[].severity":          "reported",
	"Canary.status.diagnostics[].message":           "reported",
	"Canary.status.record":                          "reported  by the store of releases alone",

	"Process.apiVersion":                 "checked   says that this dialect reads the document",
	"Process.kind":                       "lowered   Target.Kind",
	"Process.metadata.name":              "lowered   Target.Name",
	"Process.metadata.namespace":         "checked   must agree with the Canary's",
	"Process.metadata.labels.*":          "passed over, as its documentation says",
	"Process.metadata.annotations.*":     "passed over, as its documentation says",
	"Process.metadata.generation":        "passed over: a revision is told by its digest",
	"Process.spec.replicas":              "lowered   Target.Replicas",
	"Process.spec.version":               "lowered   Target.Revision and Template",
	"Process.spec.command[]":             "lowered   Target.Template",
	"Process.spec.env.*":                 "lowered   Target.Template",
	"Process.spec.dir":                   "lowered   Target.Template",
	"Process.spec.health.path":           "lowered   Target.Template",
	"Process.spec.health.tcp":            "lowered   Target.Template",
	"Process.spec.health.interval":       "lowered   Target.Template",
	"Process.spec.health.timeout":        "lowered   Target.Template",
	"Process.spec.health.healthyAfter":   "lowered   Target.Template",
	"Process.spec.health.unhealthyAfter": "lowered   Target.Template",
	"Process.spec.health.startup":        "lowered   Target.Template",
	"Process.spec.stop.signal":           "lowered   Target.Template",
	"Process.spec.stop.grace":            "lowered   Target.Template",
	"Process.spec.port":                  "lowered   Target.Template; refused where two would need it at once",
	"Process.spec.restart.backoff":       "lowered   Target.Template",

	"Upstream.apiVersion":                 "checked   says that this dialect reads the document",
	"Upstream.kind":                       "lowered   Target.Kind",
	"Upstream.metadata.name":              "lowered   Target.Name",
	"Upstream.metadata.namespace":         "checked   must agree with the Canary's",
	"Upstream.metadata.labels.*":          "passed over, as its documentation says",
	"Upstream.metadata.annotations.*":     "passed over, as its documentation says",
	"Upstream.metadata.generation":        "passed over: a revision is told by its digest",
	"Upstream.spec.version":               "lowered   Target.Revision and Template",
	"Upstream.spec.urls[]":                "lowered   Target.Template and, by their number, Target.Replicas",
	"Upstream.spec.health.path":           "lowered   Target.Template",
	"Upstream.spec.health.tcp":            "lowered   Target.Template",
	"Upstream.spec.health.interval":       "lowered   Target.Template",
	"Upstream.spec.health.timeout":        "lowered   Target.Template",
	"Upstream.spec.health.healthyAfter":   "lowered   Target.Template",
	"Upstream.spec.health.unhealthyAfter": "lowered   Target.Template",
}

func TestCoverage(t *testing.T) {
	var b strings.Builder
	var fields []string
	for _, kind := range []struct {
		path string
		of   reflect.Type
	}{
		{"Canary", reflect.TypeFor[manifest]()}, {"Canary.status", reflect.TypeFor[v1alpha1.CanaryStatus]()},
		{"Process", reflect.TypeFor[v1alpha1.Process]()}, {"Upstream", reflect.TypeFor[v1alpha1.Upstream]()},
	} {
		fields = append(fields, leaves(kind.of, kind.path)...)
	}
	for _, field := range fields {
		fate, listed := covered[field]
		if !listed {
			t.Errorf("%s is not listed: what becomes of it?", field)
		}
		fmt.Fprintf(&b, "%-46s %s\n", field, fate)
	}
	for field := range covered {
		if !slices.Contains(fields, field) {
			t.Errorf("%s is listed and is no field", field)
		}
	}
	const file = "testdata/coverage.txt"
	if flag.Lookup("update").Value.String() == "true" { // the flag of golden_test.go
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, _ := os.ReadFile(file); string(want) != b.String() {
		t.Errorf("%s differs (rewrite with -update):\n%s", file, b.String())
	}
}

// leaves lists the paths of all fields that hold a value, in order of the types.
func leaves(t reflect.Type, path string) (paths []string) {
	if t == reflect.TypeFor[json.RawMessage]() || t == reflect.TypeFor[metav1.Time]() {
		return []string{path}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return leaves(t.Elem(), path)
	case reflect.Slice:
		return leaves(t.Elem(), path+"[]")
	case reflect.Map:
		return leaves(t.Elem(), path+".*")
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case name != "" && name != "-":
				paths = append(paths, leaves(f.Type, path+"."+name)...)
			case f.Type.Kind() == reflect.Map:
				paths = append(paths, path+".<"+f.Name+">")
			default:
				paths = append(paths, leaves(f.Type, path)...)
			}
		}
		return paths
	}
	return []string{path}
}

// A listed field is only half the proof: every field that files may have stands in some file of testdata or examples.
func TestEveryFieldIsInSomeFile(t *testing.T) {
	used := map[string]bool{}
	files, _ := filepath.Glob("testdata/*.yaml")
	examples, _ := filepath.Glob("../../../examples/*.yaml")
	for _, file := range append(files, examples...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range pathsOf(file, data) {
			used[path] = true
		}
	}
	for field, fate := range covered {
		open, _, inline := strings.Cut(field, "<")
		field = strings.TrimSuffix(strings.TrimSuffix(field, "[]"), ".*")
		if inline {
			field = strings.TrimSuffix(open, ".")
		}
		if !used[field] && !strings.HasPrefix(fate, "reported") {
			t.Errorf("%s (%s) stands in no file", field, fate)
		}
	}
}

var (
	index = regexp.MustCompile(`\[\d+\]`)
	group = regexp.MustCompile(`\.groups\..*`)
)

// pathsOf lists the fields of a file in the form of covered.
func pathsOf(file string, data []byte) (paths []string) {
	var silent compile.Notes
	for _, doc := range documents(File{file, data}, &silent) {
		var into any
		switch doc.kind {
		case v1alpha1.KindCanary:
			into = &manifest{}
		case v1alpha1.KindProcess:
			into = &v1alpha1.Process{}
		case v1alpha1.KindUpstream:
			into = &v1alpha1.Upstream{}
		default:
			continue
		}
		for path := range decode(doc, into, &silent) {
			path = doc.kind + "." + index.ReplaceAllString(path, "[]")
			path = group.ReplaceAllString(path, ".groups.*")
			paths = append(paths, path, strings.TrimSuffix(path, "[]"))
		}
	}
	return paths
}
