package main

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// files are the contents of an image or an archive, in their order. Times are those of the beginning: the same contents give
// the same bytes.
type files []file

type file struct {
	name string // of a directory with a / at its end
	mode int64
	text []byte
}

// open packs them.
func (fs files) open() (io.ReadCloser, error) {
	var b bytes.Buffer
	if err := fs.write(&b); err != nil {
		return nil, err
	}
	return io.NopCloser(&b), nil
}

func (fs files) write(to io.Writer) error {
	t := tar.NewWriter(to)
	for _, f := range fs {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.text)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.text); err != nil {
			return err
		}
	}
	return t.Close()
}

// pack packs a directory, in the order of names.
func pack(dir, out string) error {
	var all files
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		all = append(all, file{name: filepath.ToSlash(name), mode: 0o644, text: text})
		return err
	})
	if err != nil {
		return err
	}
	to, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := all.write(to); err != nil {
		to.Close()
		return err
	}
	return to.Close()
}
