package native_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"serin.dev/serin/internal/compile"
	"serin.dev/serin/internal/dialect/native"
)

const head = "apiVersion: serin.dev/v1alpha1\n"

func process(name, spec string) string {
	return head + "kind: Process\nmetadata: {name: " + name + "}\nspec: " + spec + "\n"
}

func canaryOf(name, target string) string {
	return head + "kind: Canary\nmetadata: {name: " + name + "}\nspec: {target: {kind: Process, name: " + target + "}}\n"
}

func TestFilesAreOneWorld(t *testing.T) {
	drafts, notes := native.ReadAll([]native.File{
		{Name: "a.yaml", Data: []byte(canaryOf("shop", "shop"))},
		{Name: "b.yaml", Data: []byte(process("shop", "{command: [./shop]}"))},
		{Name: "c.yaml", Data: []byte(canaryOf("late", "shop"))},
	}, known())
	if len(drafts) != 1 || drafts[0].Name != "shop" || drafts[0].Target.Origin.File != "b.yaml" {
		t.Errorf("got %d drafts, want one of Canary shop with its target from b.yaml", len(drafts))
	}
	want := "c.yaml:4:16: error: spec.target: Process/shop belongs to Canary shop already (a.yaml:4); a target has one Canary\n"
	if notes.String() != want {
		t.Errorf("got  %swant %s", notes, want)
	}
}

func TestRevisionsAreDigestsOfWhatMatters(t *testing.T) {
	revision := func(spec string) string {
		drafts, notes := native.Read("a.yaml", []byte(process("shop", spec)+"---\n"+canaryOf("shop", "shop")), known())
		if len(drafts) != 1 {
			t.Fatalf("%s: %v", spec, notes)
		}
		return string(drafts[0].Target.Revision)
	}
	base := revision("{command: [./shop], env: {A: a, B: b}}")
	for _, c := range []struct {
		reason, spec string
		same         bool
	}{
		{"order and form do not matter", "\n  env: {\"B\": 'b', A: a} # as before\n  command:\n  - ./shop", true},
		{"a changed size is no new revision", "{replicas: 3, command: [./shop], env: {A: a, B: b}}", true},
		{"a changed value is", "{command: [./shop], env: {A: a, B: c}}", false},
		{"a changed version is", "{version: v2, command: [./shop], env: {A: a, B: b}}", false},
	} {
		if got := revision(c.spec); (got == base) != c.same {
			t.Errorf("%s: %s and %s", c.reason, base, got)
		}
	}
	if got := revision("{version: v2, command: [./shop]}"); !strings.HasPrefix(got, "v2-") || len(got) != len("v2-")+8 {
		t.Errorf("got %s, want v2- and eight digits", got)
	}
	if len(base) != 8 {
		t.Errorf("got %s, want eight digits", base)
	}
}

func TestLargeFilesAreRefused(t *testing.T) {
	drafts, notes := native.Read("big.yaml", bytes.Repeat([]byte("# "), 1<<20), known())
	if len(drafts) != 0 || !strings.HasPrefix(notes.String(), "big.yaml:1:1: error: the file has 2097152 bytes") {
		t.Errorf("got %d drafts and %s", len(drafts), notes)
	}
}

// Whatever a file holds, reading it ends, without panic; every note has a file, a line and a column; and what it gives can
// be compiled, or the notes say why not.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "../../../examples/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("&a [*a]"))
	f.Add([]byte("? {a: b}\n: c"))
	f.Add([]byte("%YAML 1.1\n---\n!!binary x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k := known()
		drafts, notes := native.Read("f.yaml", data, k)
		for _, n := range notes {
			if n.Origin.File != "f.yaml" || n.Origin.Line < 1 || n.Origin.Column < 1 || n.Message == "" {
				t.Errorf("note without a place: %+v", n)
			}
		}
		for _, d := range drafts {
			p, more := compile.Compile(d, "v1", k.Abilities(d))
			if more.Err() == (len(p.Steps) > 0) {
				t.Errorf("%d steps with notes %v", len(p.Steps), more)
			}
			if strings.Contains(more.String(), "breaks a rule") {
				t.Errorf("the compiler broke its own rule: %v", more)
			}
		}
	})
}
