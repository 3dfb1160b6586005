package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// program builds a real static program.
func program(t *testing.T, arch string) Program {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := Program{Architecture: arch, Path: filepath.Join(dir, "serin")}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", p.Path, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build for %s: %v\n%s", arch, err, out)
	}
	return p
}

func image(t *testing.T, programs ...Program) Image {
	t.Helper()
	certificates := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(certificates, []byte("authorities\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return Image{Name: "serin.dev/serin:v1", Revision: "abc", Certificates: certificates, Programs: programs}
}

func TestImageForTwoArchitectures(t *testing.T) {
	i := image(t, program(t, "amd64"), program(t, "arm64"))
	out := filepath.Join(t.TempDir(), "image.tar")
	digest, err := i.Write(out)
	if err != nil {
		t.Fatal(err)
	}
	list := unpacked(t, out)
	manifest, err := list.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("the archive holds %v, %v", manifest, err)
	}
	entry := manifest.Manifests[0]
	if entry.Digest.String() != digest || entry.Annotations["io.containerd.image.name"] != i.Name {
		t.Errorf("the archive holds %s as %v, want %s", entry.Digest, entry.Annotations, digest)
	}
	index, err := list.ImageIndex(entry.Digest)
	if err != nil {
		t.Fatal(err)
	}
	platforms, err := index.IndexManifest()
	if err != nil || len(platforms.Manifests) != 2 {
		t.Fatalf("the image is for %v, %v", platforms, err)
	}
	for n, p := range i.Programs {
		d := platforms.Manifests[n]
		if d.Platform == nil || d.Platform.String() != "linux/"+p.Architecture {
			t.Errorf("image %d is for %v, want %s", n, d.Platform, p.Architecture)
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		look(t, img, p)
	}
}

// look compares what a container would see.
func look(t *testing.T, img v1.Image, p Program) {
	t.Helper()
	conf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := conf.Config
	if c.User != "65532:65532" || strings.Join(c.Entrypoint, " ") != "/serin" || len(c.Cmd) != 0 || conf.Architecture != p.Architecture {
		t.Errorf("%s: config is %+v", p.Architecture, conf)
	}
	want, err := os.ReadFile(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	files := contents(t, img)
	if f := files["serin"]; f.Mode != 0o755 || f.text != string(want) {
		t.Errorf("%s: /serin has mode %o and %d bytes, want %d", p.Architecture, f.Mode, len(f.text), len(want))
	}
	if f := files["etc/ssl/certs/ca-certificates.crt"]; f.text != "authorities\n" {
		t.Errorf("%s: the certificates are %q", p.Architecture, f.text)
	}
	if f, ok := files["tmp/"]; !ok || f.Mode != 0o1777 {
		t.Errorf("%s: /tmp is %v", p.Architecture, f.Mode)
	}
	for name, f := range files {
		if f.Mode&0o6000 != 0 || f.Uid != 0 || !f.ModTime.IsZero() && f.ModTime.Unix() != 0 {
			t.Errorf("%s: %s has mode %o, owner %d, time %s", p.Architecture, name, f.Mode, f.Uid, f.ModTime)
		}
	}
}

func TestSameProgramsGiveTheSameImage(t *testing.T) {
	i := image(t, program(t, "amd64"))
	dir := t.TempDir()
	var written [2][]byte
	for n, name := range []string{"a.tar", "b.tar"} {
		path := filepath.Join(dir, name)
		if _, err := i.Write(path); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		written[n] = data
	}
	if !bytes.Equal(written[0], written[1]) {
		t.Error("two archives of one program differ")
	}
}

func TestWrongProgramsAreRefused(t *testing.T) {
	for _, c := range []struct {
		program Program
		says    string
	}{
		{Program{"arm64", program(t, "amd64").Path}, "EM_X86_64"},
		{Program{"amd64", "/bin/sh"}, "not static"}, // linked with the system's libraries wherever there are any
		{Program{"amd64", "image_test.go"}, "no program"},
		{Program{"amd64", "nowhere"}, "no such file"},
	} {
		_, err := image(t, c.program).Write(filepath.Join(t.TempDir(), "image.tar"))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want %q", c.program, err, c.says)
		}
	}
}

// unpacked reads the archive as other programs do: as an OCI layout.
func unpacked(t *testing.T, archive string) v1.ImageIndex {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	each(t, f, func(h *tar.Header, text []byte) {
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	})
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

type entry struct {
	*tar.Header
	text string
}

func contents(t *testing.T, img v1.Image) map[string]entry {
	t.Helper()
	r := mutate.Extract(img)
	defer r.Close()
	files := map[string]entry{}
	each(t, r, func(h *tar.Header, text []byte) {
		if h.Typeflag == tar.TypeDir && !strings.HasSuffix(h.Name, "/") {
			h.Name += "/"
		}
		files[h.Name] = entry{h, string(text)}
	})
	return files
}

func each(t *testing.T, r io.Reader, see func(*tar.Header, []byte)) {
	t.Helper()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		see(h, text)
	}
}
