package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Layout opens the images in an OCI layout: a directory, or a tar file of one, which is unpacked into scratch.
func Layout(path, scratch string) (v1.ImageIndex, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if err := unpack(path, scratch); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", path, err)
		}
		if _, err := os.Stat(filepath.Join(scratch, "oci-layout")); errors.Is(err, fs.ErrNotExist) {
			return saved(path)
		}
		path = scratch
	}
	index, err := layout.ImageIndexFromPath(path)
	if err != nil {
		return nil, fmt.Errorf("read OCI layout %s: %w", path, err)
	}
	return single(index)
}

// saved reads a tar file as docker save writes it; ko build --tarball does likewise.
func saved(path string) (v1.ImageIndex, error) {
	img, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s is neither an OCI layout nor a saved image: %w", path, err)
	}
	return mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img}), nil
}

// single looks through the layout's own list: with one index in it (an image for several platforms) that is what is meant.
func single(list v1.ImageIndex) (v1.ImageIndex, error) {
	manifest, err := list.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) == 0 {
		return nil, errors.New("the OCI layout holds no image")
	}
	if only := manifest.Manifests[0]; len(manifest.Manifests) == 1 && only.MediaType.IsIndex() {
		return list.ImageIndex(only.Digest)
	}
	return list, nil
}

// unpack writes the files of a tar file below a directory, and nothing outside of it.
func unpack(file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := write(root, filepath.Clean(h.Name), t); err != nil {
			return err
		}
	}
}

func write(root *os.Root, name string, from io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	to, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}
