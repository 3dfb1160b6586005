// Package crds tests the kinds that serin brings to a cluster: that they are what the types say, small, and refused by a
// real API server where they are wrong in shape.
package crds

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"serin.dev/serin/api/v1alpha1"
	"serin.dev/serin/internal/cluster/clustertest"
	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/plan"
	"serin.dev/serin/internal/progress"
	"serin.dev/serin/internal/progress/scenes"
)

func TestSize(t *testing.T) {
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() >= 100_000 {
			t.Errorf("%s has %d bytes, %v; want less than 100 kB", file, info.Size(), err)
		}
	}
}

// What `make generate` would write is what is there.
func TestGenerated(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: this test builds the generator; `make test` runs it")
	}
	dir := t.TempDir()
	generate := exec.Command("make", "--no-print-directory", "-C", "../..", "generate", "CRDS="+dir, "COPIES="+dir)
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("make generate: %v\n%s", err, out)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 4 {
		t.Fatalf("make generate wrote %d files, %v", len(files), err)
	}
	for _, f := range files {
		there := f.Name()
		if filepath.Ext(there) == ".go" {
			there = filepath.Join("../../api/v1alpha1", there)
		}
		want, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if got, err2 := os.ReadFile(there); err != nil || err2 != nil || string(got) != string(want) {
			t.Errorf("%s is not what `make generate` writes: %v, %v", there, err, err2)
		}
	}
}

// A cluster that knows the kinds.
type cluster struct {
	client.Client
	namespace string
}

func open(t *testing.T) cluster {
	clustertest.Install(t)
	access, namespace := clustertest.New(t, runtime.NewScheme())
	return cluster{access.Client, namespace}
}

// object reads one.
func (c cluster) object(t *testing.T, kind, name, rest string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	text := "apiVersion: serin.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: " + c.namespace + "}\n" + rest
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return o
}

const deployment = "target: {kind: Deployment, name: shop}"

// Each spec is created and refused with these words, or accepted.
func TestShapes(t *testing.T) {
	c := open(t)
	long := strings.Repeat("x", 64)
	for why, x := range map[string]struct{ spec, refused string }{
		"the target alone is enough":        {`{` + deployment + `}`, ""},
		"shares in every form":              {`{` + deployment + `, steps: [{weight: 1}, {weight: 12.5}, {weight: "25%"}, {weight: "50"}, {weight: "75.5 %"}]}`, ""},
		"capacity in every form":            {`{` + deployment + `, steps: [{weight: 1, capacity: 3}, {weight: 2, capacity: "50%"}, {weight: 3, capacity: "12"}]}`, ""},
		"back ends know their own settings": {`{` + deployment + `, traffic: {istio: {a: [1]}}, metrics: {scrape: {}}, judge: {failures: {plus: 1%}}, notify: [{slack: {b: c}}]}`, ""},
		"a pair":                            {`{target: {kind: Service, name: shop, canary: shop-next}}`, ""},
		"all strategies":                    {`{` + deployment + `, strategy: rolling, rolling: {batch: 10%, hold: 1m30s}}`, ""},
		"a match":                           {`{` + deployment + `, steps: [{match: [{header: {name: X, present: true}, path: {prefix: /a}}]}]}`, ""},

		"no target":                     {`{strategy: ab}`, "spec.target: Required value"},
		"a target without a name":       {`{target: {kind: Deployment}}`, "spec.target.name: Required value"},
		"a pair of another kind":        {`{target: {kind: Deployment, name: a, canary: b}}`, "canary names the second Service of a pair"},
		"an unknown field":              {`{` + deployment + `, stepz: []}`, `unknown field "spec.stepz"`},
		"an unknown field of a step":    {`{` + deployment + `, steps: [{weigth: 1}]}`, `unknown field "spec.steps[0].weigth"`},
		"an unknown strategy":           {`{` + deployment + `, strategy: bluegreen}`, "Unsupported value"},
		"more than all":                 {`{` + deployment + `, steps: [{weight: 101}]}`, "less than or equal to 100"},
		"more than all, in text":        {`{` + deployment + `, steps: [{weight: "101%"}]}`, "spec.steps[0].weight in body should match"},
		"less than nothing":             {`{` + deployment + `, steps: [{weight: -1}]}`, "greater than or equal to 0"},
		"a share that is a word":        {`{` + deployment + `, steps: [{mirror: much}]}`, "spec.steps[0].mirror in body should match"},
		"no replica":                    {`{` + deployment + `, steps: [{weight: 1, capacity: 0}]}`, "greater than or equal to 1"},
		"an empty step":                 {`{` + deployment + `, steps: [{}]}`, "should have at least 1 properties"},
		"too many steps":                {`{` + deployment + `, steps: [` + strings.Repeat(`{hold: 1s}, `, 129) + `]}`, "must have at most 128 items"},
		"a duration without a unit":     {`{` + deployment + `, progressDeadline: "5"}`, "spec.progressDeadline in body should match"},
		"a duration that is a number":   {`{` + deployment + `, steps: [{hold: 5}]}`, `must be of type string`},
		"rolling without the strategy":  {`{` + deployment + `, rolling: {batch: 10%}}`, "belong to strategy rolling"},
		"rolling with another strategy": {`{` + deployment + `, strategy: ab, rolling: {batch: 10%}}`, "belong to strategy rolling"},
		"sticky by nothing":             {`{` + deployment + `, traffic: {sticky: {}}}`, "exactly one of cookie and header"},
		"sticky by two":                 {`{` + deployment + `, traffic: {sticky: {cookie: a, header: b}}}`, "exactly one of cookie and header"},
		"a header with an age":          {`{` + deployment + `, traffic: {sticky: {header: b, maxAge: 1h}}}`, "only a cookie has an age"},
		"a match of nothing":            {`{` + deployment + `, steps: [{match: [{}]}]}`, "should have at least 1 properties"},
		"a header without a name":       {`{` + deployment + `, steps: [{match: [{header: {exact: a}}]}]}`, "the header has no name"},
		"a cookie without a name":       {`{` + deployment + `, steps: [{match: [{cookie: {exact: a}}]}]}`, "the cookie has no name"},
		"a path with a name":            {`{` + deployment + `, steps: [{match: [{path: {name: a, exact: /a}}]}]}`, "a path has no name"},
		"a header compared in two ways": {`{` + deployment + `, steps: [{match: [{header: {name: X, exact: a, regex: b}}]}]}`, "exactly one of exact, prefix, regex and present"},
		"a header compared in no way":   {`{` + deployment + `, steps: [{match: [{header: {name: X}}]}]}`, "exactly one of exact, prefix, regex and present"},
		"not present":                   {`{` + deployment + `, steps: [{match: [{header: {name: X, present: false}}]}]}`, "present: false is no condition"},
		"an unknown event":              {`{` + deployment + `, notify: [{"on": [exploded], slack: {}}]}`, "Unsupported value"},
		"until something else":          {`{` + deployment + `, steps: [{until: fail}]}`, "Unsupported value"},
	} {
		t.Run(why, func(t *testing.T) { c.try(t, c.object(t, "Canary", "shop", "spec: "+x.spec), x.refused) })
	}
	for name, refused := range map[string]string{long: "at most 63", "shop.eu": "at most 63", "shop-1": ""} {
		t.Run("the name "+name, func(t *testing.T) { c.try(t, c.object(t, "Canary", name, "spec: {"+deployment+"}"), refused) })
	}
	for why, x := range map[string]struct{ spec, refused string }{
		"an action":           {`{canary: shop, verb: promote, actor: ana, step: 2}`, ""},
		"nobody's action":     {`{canary: shop, verb: promote}`, "spec.actor: Required value"},
		"an unknown verb":     {`{canary: shop, verb: explode, actor: ana}`, "Unsupported value"},
		"a step before all":   {`{canary: shop, verb: approve, actor: ana, step: -1}`, "greater than or equal to 0"},
		"an action on no one": {`{verb: abort, actor: ana}`, "spec.canary: Required value"},
	} {
		t.Run(why, func(t *testing.T) { c.try(t, c.object(t, "Action", "act", "spec: "+x.spec), x.refused) })
	}
}

// try creates an object as kubectl does, which wants unknown fields refused.
func (c cluster) try(t *testing.T, o *unstructured.Unstructured, refused string) {
	t.Helper()
	err := c.Create(t.Context(), o, client.DryRunAll, client.FieldValidation("Strict"))
	switch {
	case refused == "" && err != nil:
		t.Errorf("refused: %v", err)
	case refused != "" && err == nil:
		t.Errorf("accepted; want %q", refused)
	case refused != "" && !strings.Contains(err.Error(), refused):
		t.Errorf("refused with %v; want %q", err, refused)
	}
}

// What must not change cannot be changed, and what nobody has looked at says so.
func TestChanges(t *testing.T) {
	c := open(t)
	canary := c.object(t, "Canary", "shop", "spec: {"+deployment+", steps: [{weight: 1}]}\nstatus: {stable: v9}")
	release := c.object(t, "Release", "shop-1", "spec: {canary: shop, target: Deployment/x/shop, number: 1, to: v2, record: {plan: {a: [1, {b: c}]}}}")
	action := c.object(t, "Action", "act", "spec: {canary: shop, verb: pause, actor: ana}")
	for _, o := range []*unstructured.Unstructured{canary, release, action} {
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range []*unstructured.Unstructured{canary, release} {
		generation, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		if _, stable, _ := unstructured.NestedString(o.Object, "status", "stable"); generation != -1 || stable {
			t.Errorf("%s is made with status %v", o.GetKind(), o.Object["status"])
		}
	}
	for _, x := range []struct {
		object  *unstructured.Unstructured
		value   any
		refused string
		path    []string
	}{
		{canary, []any{map[string]any{"weight": "50%"}}, "", []string{"spec", "steps"}},
		{canary, "other", "the target cannot be changed", []string{"spec", "target", "name"}},
		{canary, "StatefulSet", "the target cannot be changed", []string{"spec", "target", "kind"}},
		{release, "v3", "a Release never changes", []string{"spec", "to"}},
		{release, []any{int64(1), map[string]any{"b": "d"}}, "a Release never changes", []string{"spec", "record", "plan", "a"}},
		{release, "more", "a Release never changes", []string{"spec", "record", "more"}},
		{action, "bo", "an Action never changes", []string{"spec", "actor"}},
		{action, int64(1), "an Action never changes", []string{"spec", "step"}},
		{release, "yes", "", []string{"metadata", "labels", "mine"}},
	} {
		o := x.object.DeepCopy()
		if err := unstructured.SetNestedField(o.Object, x.value, x.path...); err != nil {
			t.Fatal(err)
		}
		err := c.Update(t.Context(), o, client.DryRunAll)
		if x.refused == "" && err != nil || x.refused != "" && (err == nil || !strings.Contains(err.Error(), x.refused)) {
			t.Errorf("%s %s = %v: %v; want %q", o.GetKind(), strings.Join(x.path, "."), x.value, err, x.refused)
		}
	}
}

// What Report says in every scene is accepted by the API server, and understood by tools that wait.
func TestReportsAreAccepted(t *testing.T) {
	c := open(t)
	canary := c.object(t, "Canary", "shop", "spec: {"+deployment+"}")
	if err := c.Create(t.Context(), canary); err != nil {
		t.Fatal(err)
	}
	if got := waiting(t, canary); got != status.InProgressStatus {
		t.Errorf("before anybody looked kstatus sees %s", got)
	}
	var notes compile.Notes
	notes.Refuse(plan.Origin{Field: "spec.steps[0].weight"}, "no")
	var said v1alpha1.CanaryStatus
	report := func(name string, next v1alpha1.CanaryStatus, want status.Status) {
		said = next
		fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&v1alpha1.Canary{Status: said})
		if err != nil {
			t.Fatal(err)
		}
		canary.Object["status"] = fields["status"]
		if err := c.Status().Update(t.Context(), canary, client.FieldValidation("Strict")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := waiting(t, canary); got != want {
			t.Errorf("%s: kstatus sees %s, want %s", name, got, want)
		}
	}
	now := time.Now()
	report("idle", native.Idle(said, "v41", nil, 1, now), status.CurrentStatus)
	ends := map[string]status.Status{"rolled-back": status.FailedStatus, "promoted": status.CurrentStatus}
	for _, scene := range scenes.All() {
		report(scene.Name, native.Report(said, progress.Of(scene.Facts), nil, 1), cmp.Or(ends[scene.Name], status.InProgressStatus))
	}
	report("refused", native.Refused(said, notes, 1, now), status.FailedStatus)
	report("blocked", native.Blocked(said, "TargetNotFound", "there is no Deployment shop", 1, now), status.InProgressStatus)
}

func waiting(t *testing.T, o *unstructured.Unstructured) status.Status {
	t.Helper()
	result, err := status.Compute(o)
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}
