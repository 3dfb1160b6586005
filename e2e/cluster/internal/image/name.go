package image

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Host is the host that images are called by in manifests. Any other works as well: the container runtime asks the cluster's
// registry for all of them, by path alone.
const Host = "registry.local"

// A Name is what an image is called: the path and the tag, without a host.
type Name struct{ Path, Tag string }

// ParseName reads PATH:TAG. A host before the path is dropped, as the container runtime does it.
func ParseName(text string) (Name, error) {
	if !strings.Contains(text[strings.LastIndexByte(text, '/')+1:], ":") {
		return Name{}, fmt.Errorf("image name %q lacks a tag: write NAME:TAG", text)
	}
	tag, err := name.NewTag(text, name.WithDefaultRegistry(Host))
	if err != nil {
		return Name{}, fmt.Errorf("read image name: %w", err)
	}
	return Name{Path: tag.RepositoryStr(), Tag: tag.TagStr()}, nil
}

// String is the name as pods ask for it.
func (n Name) String() string { return Host + "/" + n.Path + ":" + n.Tag }

// at is the name at a registry without TLS.
func (n Name) at(registry string) (name.Tag, error) {
	return name.NewTag(registry+"/"+n.Path+":"+n.Tag, name.Insecure)
}
