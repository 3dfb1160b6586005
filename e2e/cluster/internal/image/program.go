package image

import (
	"archive/tar"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// A Program is a static binary that becomes an image of its own: /app, and an empty /tmp.
type Program struct {
	Binary string // its file
	Name   Name   // also a label of the image: two tags of one binary are two digests, as two releases of a real program are
	User   string
	Args   []string
}

// Image makes the image.
func (p Program) Image() (v1.Image, error) {
	if err := static(p.Binary); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(p.layer, tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.Binary, err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, p.config(img))
}

func (p Program) config(img v1.Image) *v1.ConfigFile {
	layers, _ := img.ConfigFile() // of an image in memory: cannot go wrong
	c := layers.DeepCopy()
	c.OS, c.Architecture = "linux", runtime.GOARCH
	c.Config = v1.Config{
		Entrypoint: []string{"/app"},
		Cmd:        p.Args,
		User:       p.User,
		WorkingDir: "/",
		Env:        []string{"PATH=/"},
		Labels:     map[string]string{"org.opencontainers.image.ref.name": p.Name.String()},
	}
	return c
}

// layer is the file system. Its times are those of the beginning, so that one binary gives one layer.
func (p Program) layer() (io.ReadCloser, error) {
	f, err := os.Open(p.Binary)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		defer f.Close()
		w.CloseWithError(pack(w, f, info.Size()))
	}()
	return r, nil
}

func pack(w io.Writer, app io.Reader, size int64) error {
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}); err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "app", Mode: 0o755, Size: size}); err != nil {
		return err
	}
	if _, err := io.Copy(t, app); err != nil {
		return err
	}
	return t.Close()
}

// static refuses a binary that asks for a dynamic loader: there is none in the image, and the kernel would say no more than
// that /app does not exist.
func static(binary string) error {
	f, err := elf.Open(binary)
	if err != nil {
		return fmt.Errorf("read program %s: %w", binary, err)
	}
	defer f.Close()
	for _, segment := range f.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("program %s is not static: build it with CGO_ENABLED=0", binary)
		}
	}
	return nil
}
