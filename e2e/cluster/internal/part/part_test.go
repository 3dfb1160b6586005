package part

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/modfile"
)

// own is a part made of one small program, with a cache and a module of the test's own.
func own(t *testing.T, source string) (Cache, Part) {
	t.Helper()
	c := Cache{Dir: t.TempDir(), Modules: t.TempDir(), Log: io.Discard}
	p := Part{Name: "hello", Programs: map[string]string{"greet": "example.org/hello"}}
	write(t, c, "go.mod", "module example.org/hello\n\ngo 1.26.0\n")
	write(t, c, "main.go", source)
	return c, p
}

func write(t *testing.T, c Cache, name, text string) {
	t.Helper()
	file := filepath.Join(c.Modules, "hello", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const hello = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Print(\"hello\") }\n"

func TestPartIsBuiltOnce(t *testing.T) {
	c, p := own(t, hello)
	var built sync.WaitGroup
	for range 3 { // at the same time: one builds, the others find its work
		built.Go(func() {
			if err := c.Build(context.Background(), p); err != nil {
				t.Error(err)
			}
		})
	}
	built.Wait()
	dir, err := c.Path(p)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(dir, "greet")).Output()
	if err != nil || string(out) != "hello" {
		t.Fatalf("got %q, %v", out, err)
	}
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Build(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(dir); err != nil || !os.SameFile(before, after) {
		t.Errorf("it was built again: %v", err)
	}
	if all, _ := filepath.Glob(filepath.Join(c.Dir, "*")); len(all) != 2 { // the part and the lock
		t.Errorf("the cache has %v", all)
	}
}

// A file below overlay/ stands for the file of a module, and only for one that is there.
func TestOverlayStandsForAFile(t *testing.T) {
	c, p := own(t, "package main\n\nimport \"golang.org/x/mod/semver\"\n\nfunc main() { print(semver.Major(\"v3.1.0\")) }\n")
	for _, name := range []string{"go.mod", "go.sum"} { // x/mod is a module that this test itself was built from
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, c, name, strings.Replace(string(text), "module serin.dev/serin/e2e/cluster\n", "module example.org/hello\n", 1))
	}
	write(t, c, "overlay/golang.org/x/mod/semver/semver.go", "package semver\n\nfunc Major(string) string { return \"ours\" }\n")
	if err := c.Build(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	dir, err := c.Path(p)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(dir, "greet")).CombinedOutput(); err != nil || string(out) != "ours" {
		t.Errorf("got %q, %v", out, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("the part has %v, %v, want the program alone", files, err)
	}

	write(t, c, "overlay/golang.org/x/mod/semver/renamed.go", "package semver\n")
	if after, _ := c.Path(p); after == dir {
		t.Error("a change of the overlay does not show in the key")
	}
	if err := c.Build(context.Background(), p); err == nil || !strings.Contains(err.Error(), "renamed.go") {
		t.Errorf("got %v, want that the module has no such file", err)
	}
}

func TestBrokenBuildLeavesNothing(t *testing.T) {
	c, p := own(t, "package main\n\nfunc main() { here is an error }\n")
	err := c.Build(context.Background(), p)
	if err == nil || !strings.Contains(err.Error(), "main.go:3") {
		t.Fatalf("got %v, want the compiler's words", err)
	}
	dir, _ := c.Path(p)
	if _, err := os.Stat(dir); err == nil {
		t.Error("a broken part is in the cache")
	}
	write(t, c, "main.go", hello)
	if err := c.Build(context.Background(), p); err != nil {
		t.Errorf("after the repair: %v", err)
	}
}

func TestInterruptedBuildIsClearedAway(t *testing.T) {
	c, p := own(t, hello)
	left := filepath.Join(c.Dir, ".building-1234")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.Build(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("the rest of an interrupted build is still there")
	}
}

func TestKeySaysWhatWentIn(t *testing.T) {
	c, p := own(t, hello)
	key := func() string {
		k, err := p.key(c.module(p))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	before := key()
	if again := key(); again != before {
		t.Errorf("%s, then %s", before, again)
	}
	write(t, c, "go.sum", "\n")
	after := key()
	p.Tags = "slim"
	if before == after || key() == after {
		t.Error("a change of the module or of the flags does not show")
	}
}

// Every part's module must have a version and sums that are written down, or builds would differ.
func TestModulesOfAllParts(t *testing.T) {
	c := Cache{Modules: filepath.Join("..", "..", "parts")}
	for _, p := range All() {
		key, err := p.key(c.module(p))
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if p.Module == "" {
			continue
		}
		if !strings.HasPrefix(key, p.Name+"-v") {
			t.Errorf("%s: key %s", p.Name, key)
		}
		if _, err := os.Stat(filepath.Join(c.module(p), "go.sum")); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

// Each package is compiled once for all that make e2e needs: a part that has one of these modules in another version than
// Kubernetes would compile a client-go of its own.
func TestPartsShareWhatIsCompiled(t *testing.T) {
	versions := func(part string) map[string]string {
		text, err := os.ReadFile(filepath.Join("..", "..", "parts", part, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		mod, err := modfile.Parse(part+"/go.mod", text, nil)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, r := range mod.Require {
			found[r.Mod.Path] = r.Mod.Version
		}
		for _, r := range mod.Replace {
			found[r.Old.Path] = r.New.Version
		}
		return found
	}
	kubernetes := versions("kubernetes")
	for _, part := range []string{"coredns", "helm", "traefik", "prometheus", "istio"} {
		of := versions(part)
		// All of client-go, and what it imports.
		for _, module := range []string{
			"github.com/fxamacker/cbor/v2", "github.com/go-logr/logr", "github.com/go-openapi/jsonpointer",
			"github.com/go-openapi/jsonreference", "github.com/go-openapi/swag", "github.com/google/gnostic-models",
			"github.com/google/uuid", "github.com/json-iterator/go", "github.com/spf13/pflag", "go.yaml.in/yaml/v2",
			"golang.org/x/net", "golang.org/x/oauth2", "golang.org/x/sys", "golang.org/x/term", "golang.org/x/text", "golang.org/x/time",
			"google.golang.org/protobuf", "gopkg.in/inf.v0", "k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/klog/v2",
			"k8s.io/kube-openapi", "k8s.io/utils", "sigs.k8s.io/json", "sigs.k8s.io/structured-merge-diff/v6", "sigs.k8s.io/yaml",
		} {
			if of[module] != kubernetes[module] {
				t.Errorf("%s has %s %s, Kubernetes %s", part, module, of[module], kubernetes[module])
			}
		}
	}
}
