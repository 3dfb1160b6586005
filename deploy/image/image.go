package main

import (
	"fmt"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is who the program runs as: nobody that any file belongs to.
const user = "65532"

// An Image is what is made.
type Image struct {
	Name         string // with its tag
	Revision     string
	Certificates string // file
	Programs     []Program
}

// A Program is a static binary for one architecture of Linux.
type Program struct {
	Architecture string // as Go calls it
	Path         string
}

// Write writes the image as an OCI archive and returns the digest of its list of platforms.
func (i Image) Write(out string) (string, error) {
	certificates, err := os.ReadFile(i.Certificates)
	if err != nil {
		return "", fmt.Errorf("read the certificates of authorities: %w", err)
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range i.Programs {
		img, err := i.platform(p, certificates)
		if err != nil {
			return "", fmt.Errorf("pack %s for %s: %w", p.Path, p.Architecture, err)
		}
		platform := &v1.Platform{OS: "linux", Architecture: p.Architecture}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}})
	}
	digest, err := index.Digest()
	if err != nil {
		return "", err
	}
	return digest.String(), i.archive(index, out)
}

// platform is the image for one architecture.
func (i Image) platform(p Program, certificates []byte) (v1.Image, error) {
	program, err := p.read()
	if err != nil {
		return nil, err
	}
	fs := files{
		{name: "etc/", mode: 0o755},
		{name: "etc/group", mode: 0o644, text: []byte("nonroot:x:" + user + ":\n")},
		{name: "etc/passwd", mode: 0o644, text: []byte("nonroot:x:" + user + ":" + user + "::/:/sbin/nologin\n")},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, text: certificates},
		{name: "serin", mode: 0o755, text: program},
		{name: "tmp/", mode: 0o1777},
	}
	layer, err := tarball.LayerFromOpener(fs.open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), layer)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", p.Architecture
	config.Config = v1.Config{
		Entrypoint: []string{"/serin"}, User: user + ":" + user, WorkingDir: "/", Env: []string{"PATH=/"}, Labels: i.labels(),
	}
	return mutate.ConfigFile(img, config)
}

func (i Image) labels() map[string]string {
	_, tag, _ := strings.Cut(i.Name, ":")
	return map[string]string{
		"org.opencontainers.image.title": "serin", "org.opencontainers.image.version": tag, "org.opencontainers.image.revision": i.Revision,
	}
}

// archive writes an OCI layout with one entry, named in the words of containerd and in those of the specification, and packs it.
func (i Image) archive(index v1.ImageIndex, out string) error {
	dir, err := os.MkdirTemp("", "serin-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	_, tag, _ := strings.Cut(i.Name, ":")
	names := map[string]string{"io.containerd.image.name": i.Name, "org.opencontainers.image.ref.name": tag}
	if err := path.AppendIndex(index, layout.WithAnnotations(names)); err != nil {
		return err
	}
	return pack(dir, out)
}
