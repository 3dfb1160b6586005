package native_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect"
	"serin.dev/serin/internal/dialect/native"
	"serin.dev/serin/internal/judge/condition"
	"serin.dev/serin/internal/judge/kayenta"
	"serin.dev/serin/internal/judge/threshold"
	"serin.dev/serin/internal/metric"
	"serin.dev/serin/internal/metric/prometheus"
	"serin.dev/serin/internal/metric/web"
	"serin.dev/serin/internal/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// known is a small world: what a single machine has, with the strictness of its back ends in miniature.
func known() native.Known {
	return native.Known{
		Routers: map[string]dialect.BackEnd{"proxy": {
			Features: plan.Features{plan.Weights, plan.Fine, plan.Headers, plan.Cookies, plan.Paths, plan.Mirroring, plan.FineMirroring, plan.Stickying, plan.StickyHeaders, plan.Draining},
			Check:    settings[proxySettings],
		}},
		Workloads: map[string]dialect.BackEnd{
			"Process":  {Features: plan.Features{plan.Scaling, plan.Renaming, plan.Yielding}, Check: processCheck},
			"Upstream": {Features: plan.Features{plan.Renaming}, Check: settings[map[string]any]},
		},
		Metrics:   map[string]dialect.BackEnd{"proxy": {Check: settings[struct{}]}, "scrape": {Check: settings[scrapeSettings]}},
		Judges:    map[string]dialect.BackEnd{"sequential": {Check: settings[sequential]}},
		Notifiers: map[string]dialect.BackEnd{"log": {Check: settings[struct{}]}, "webhook": {Check: settings[webhookSettings]}},
	}
}

// answering adds the judges of users' own queries, and the stores that answer such, as they really are.
func answering(k native.Known) native.Known {
	k.Judges["kayenta"] = dialect.BackEnd{Asks: kayenta.Asks, Check: func(with json.RawMessage) error {
		_, err := kayenta.Decode(with)
		return err
	}}
	k.Judges["condition"] = dialect.BackEnd{Asks: condition.Asks, Check: func(with json.RawMessage) error {
		_, err := condition.Decode(with)
		return err
	}}
	k.Judges["threshold"] = dialect.BackEnd{Asks: threshold.Asks, Check: func(with json.RawMessage) error {
		_, err := threshold.Decode(with)
		return err
	}}
	for _, d := range []metric.Driver{prometheus.Driver, web.Driver} {
		k.Metrics[d.Name] = dialect.BackEnd{Check: d.Check, Query: d.Query, Lends: d.Lends}
	}
	return k
}

type sequential struct {
	Failures struct {
		Tolerate string `json:"tolerate"`
		Plus     string `json:"plus"`
	} `json:"failures"`
	Latency struct {
		Tolerate string `json:"tolerate"`
	} `json:"latency"`
	Objective struct {
		Availability string `json:"availability"`
	} `json:"objective"`
}

type proxySettings struct {
	Listen   string `json:"listen"`
	Patience string `json:"patience"`
}

type scrapeSettings struct {
	Path string `json:"path"`
}

type webhookSettings struct {
	URL string `json:"url"`
}

func settings[T any](with json.RawMessage) error {
	var into T
	return plan.Decode(with, &into)
}

func processCheck(with json.RawMessage) error {
	var spec struct {
		Command []string
		Health  struct{ Path string }
	}
	if err := json.Unmarshal(with, &spec); err != nil {
		return err
	}
	if len(spec.Command) == 0 {
		return errors.New("command: names no program")
	}
	if spec.Health.Path != "" && spec.Health.Path[0] != '/' {
		return errors.New("health.path: does not begin with /")
	}
	return nil
}

// directives are comments that change the world of one golden file: "# first release", "# on a cluster", "# with queries",
// "# router without mirroring", "# workload without renaming".
func directives(data []byte) (k native.Known, stable plan.Revision) {
	k, stable = known(), "v1"
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if line == "# first release\n" {
			stable = ""
		}
		if line == "# with queries\n" {
			k = answering(k)
		}
		if line == "# on a cluster\n" {
			k.Workloads["Deployment"] = dialect.BackEnd{Features: plan.Features{plan.Scaling}}
			k.Workloads["Service"] = dialect.BackEnd{}
		}
		if len(words) < 4 || words[0] != "#" || words[2] != "without" {
			continue
		}
		backs := map[string]map[string]dialect.BackEnd{"router": k.Routers, "workload": k.Workloads}[words[1]]
		for name, back := range backs {
			back.Features = slices.DeleteFunc(slices.Clone(back.Features), func(f plan.Feature) bool {
				return slices.Contains(words[3:], string(f))
			})
			backs[name] = back
		}
	}
	return k, stable
}

// compileAll is what `serin plan` does with a file: every plan printed, and all that was noted.
func compileAll(t *testing.T, name string, data []byte) (plans, notes string) {
	t.Helper()
	k, stable := directives(data)
	drafts, all := native.Read(name, data, k)
	var b bytes.Buffer
	for _, d := range drafts {
		p, more := compile.Compile(d, stable, k.Abilities(d))
		all = append(all, more...)
		if more.Err() {
			continue
		}
		if err := compile.Print(&b, p, d.Target.Replicas); err != nil {
			t.Fatal(err)
		}
	}
	all.Sort()
	return b.String(), all.String()
}

// TestGolden reads and compiles every file of testdata and examples and compares plans and notes with those beside it.
func TestGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.yaml")
	examples, _ := filepath.Glob("../../../examples/*.yaml")
	if len(files) == 0 || len(examples) == 0 {
		t.Fatalf("found %d files in testdata and %d examples", len(files), len(examples))
	}
	for _, file := range append(files, examples...) {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			plans, notes := compileAll(t, name, data)
			base := strings.TrimSuffix(name, ".yaml")
			if slices.Contains(examples, file) {
				base = "example-" + base
				if strings.Contains(notes, " error: ") {
					t.Errorf("an example has errors:\n%s", notes)
				}
			}
			golden(t, filepath.Join("testdata", base+".plan.txt"), plans)
			golden(t, filepath.Join("testdata", base+".notes.txt"), notes)
		})
	}
}

// golden compares with a file; what is empty has no file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if got == "" {
			_ = os.Remove(file)
			return
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (rewrite with -update)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}
