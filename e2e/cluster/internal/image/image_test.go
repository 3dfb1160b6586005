package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestParseName(t *testing.T) {
	for text, want := range map[string]string{
		"podinfo:6.9.2":                            "registry.local/podinfo:6.9.2",
		"ghcr.io/stefanprodan/podinfo:6.9.2":       "registry.local/stefanprodan/podinfo:6.9.2",
		"registry.local:5000/shop/cart:v1":         "registry.local/shop/cart:v1",
		"docker.io/nginx:1.25":                     "registry.local/library/nginx:1.25", // where docker.io keeps it
		"podinfo":                                  "",                                  // no tag
		"registry.local:5000/podinfo":              "",                                  // a port is no tag
		"Podinfo:1":                                "",
		"podinfo:6.9.2@sha256:829a1773419e65f8fb4": "",
	} {
		got, err := ParseName(text)
		if (err != nil) != (want == "") {
			t.Errorf("%s: error %v", text, err)
		}
		if err == nil && got.String() != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// program builds a real program, static or not.
func program(t *testing.T, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() { println(\"here\") }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "program")
	cmd := exec.Command("go", append(append([]string{"build", "-o", binary}, flags...), source)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build a program: %v\n%s", err, out)
	}
	return binary
}

func TestImageOfAProgram(t *testing.T) {
	binary := program(t)
	p := Program{Binary: binary, Name: Name{"shop", "v1"}, User: "65532", Args: []string{"--port", "80"}}
	img, err := p.Image()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := conf.Config
	if c.User != "65532" || strings.Join(c.Entrypoint, " ") != "/app" || strings.Join(c.Cmd, " ") != "--port 80" {
		t.Errorf("config is %+v", c)
	}
	files := contents(t, img)
	want, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if app := files["app"]; app.mode != 0o755 || app.text != string(want) {
		t.Errorf("/app has mode %o and %d bytes, want 755 and %d", app.mode, len(app.text), len(want))
	}
	if tmp, ok := files["tmp/"]; !ok || tmp.mode != 0o1777 {
		t.Errorf("/tmp has mode %o (there: %v), want 1777", tmp.mode, ok)
	}
}

func TestTagsHaveDigestsOfTheirOwn(t *testing.T) {
	binary := program(t)
	digest := func(tag string) string {
		img, err := Program{Binary: binary, Name: Name{"shop", tag}}.Image()
		if err != nil {
			t.Fatal(err)
		}
		d, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d.String()
	}
	first, again, other := digest("v1"), digest("v1"), digest("v2")
	if first == other {
		t.Error("two tags of one binary have one digest")
	}
	if first != again {
		t.Error("one tag of one binary has two digests")
	}
}

func TestProgramThatAsksForALoaderIsRefused(t *testing.T) {
	for _, shell := range []string{"/bin/sh", "/usr/bin/env"} { // linked with the system's libraries wherever there are any
		_, err := Program{Binary: shell, Name: Name{"shop", "v1"}}.Image()
		if err == nil || !strings.Contains(err.Error(), "not static") {
			t.Errorf("%s: got %v", shell, err)
		}
	}
}

type file struct {
	mode int64
	text string
}

func contents(t *testing.T, img v1.Image) map[string]file {
	t.Helper()
	r := mutate.Extract(img)
	defer r.Close()
	files := map[string]file{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		name := h.Name
		if h.Typeflag == tar.TypeDir && !strings.HasSuffix(name, "/") {
			name += "/"
		}
		files[name] = file{h.Mode, string(text)}
	}
}

// store starts a registry of the library's own.
func store(t *testing.T) Store {
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	return Store{Address: server.Listener.Addr().String(), Dial: new(net.Dialer).DialContext}
}

func TestStore(t *testing.T) {
	ctx := context.Background()
	s, n := store(t), Name{"shop/cart", "v1"}
	if there, err := s.Holds(ctx, n); there || err != nil {
		t.Fatalf("before the push: %v, %v", there, err)
	}
	img, err := Program{Binary: program(t), Name: n}.Image()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := s.Push(ctx, n, img)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := s.Holds(ctx, n); !there || err != nil {
		t.Fatalf("after the push: %v, %v", there, err)
	}
	if there, err := s.Holds(ctx, Name{"shop/cart", "v2"}); there || err != nil {
		t.Fatalf("another tag: %v, %v", there, err)
	}
	if got := pulled(t, s, n); got != digest {
		t.Errorf("pulled %s, pushed %s", got, digest)
	}
}

// pulled is the digest of what a name stands for at the registry.
func pulled(t *testing.T, s Store, n Name) string {
	t.Helper()
	at, err := n.at(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	return got.Digest.String()
}

func TestLayouts(t *testing.T) {
	img, err := Program{Binary: program(t), Name: Name{"shop", "v1"}}.Image()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := at.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	packed := filepath.Join(t.TempDir(), "layout.tar")
	tarOf(t, dir, packed)
	docker := filepath.Join(t.TempDir(), "docker.tar")
	tag, err := Name{"shop", "v1"}.at("registry.local")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(docker, tag, img); err != nil {
		t.Fatal(err)
	}
	want, _ := img.ConfigName()
	for _, path := range []string{dir, packed, docker} {
		list, err := Layout(path, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		m, err := list.IndexManifest()
		if err != nil || len(m.Manifests) != 1 {
			t.Errorf("%s: %v, %v", path, m, err)
			continue
		}
		got, err := list.Image(m.Manifests[0].Digest)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if name, _ := got.ConfigName(); name != want {
			t.Errorf("%s: config %s, want %s", path, name, want)
		}
		s := store(t)
		digest, err := s.PushIndex(context.Background(), Name{"shop", "v1"}, list)
		if err != nil {
			t.Errorf("push %s: %v", path, err)
		} else if got := pulled(t, s, Name{"shop", "v1"}); got != digest {
			t.Errorf("%s: pulled %s, pushed %s", path, got, digest)
		}
	}
}

func TestTarFileStaysInItsDirectory(t *testing.T) {
	evil := filepath.Join(t.TempDir(), "evil.tar")
	f, err := os.Create(evil)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := w.WriteHeader(&tar.Header{Name: "../escaped", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("x"))
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	scratch := filepath.Join(t.TempDir(), "scratch")
	if err := os.Mkdir(scratch, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Layout(evil, scratch); err == nil {
		t.Error("a tar file with ../ in it was taken")
	}
	if _, err := os.Stat(filepath.Join(scratch, "..", "escaped")); err == nil {
		t.Error("a file was written outside")
	}
}

func tarOf(t *testing.T, dir, to string) {
	t.Helper()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
