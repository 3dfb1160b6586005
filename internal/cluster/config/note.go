package config

import (
	"fmt"
	"strings"

	"serin.dev/serin/internal/cluster"
)

// Note writes sources as an annotation keeps them: "ConfigMap/settings=1f3a... Secret/token=88c0...".
func Note(sources []Source) string {
	words := make([]string, len(sources))
	for i, s := range sources {
		words[i] = s.Kind + "/" + s.Name + "=" + s.Digest
	}
	return strings.Join(words, " ")
}

// ReadNote reads what Note has written.
func ReadNote(text string) ([]Source, error) {
	var sources []Source
	for _, word := range strings.Fields(text) {
		object, digest, held := strings.Cut(word, "=")
		kind, name, named := strings.Cut(object, "/")
		if !held || !named || name == "" || digest == "" || kind != configMap && kind != secret {
			return nil, fmt.Errorf("read note of configuration: %q is no KIND/NAME=DIGEST", word)
		}
		sources = append(sources, Source{Ref{kind, name}, digest})
	}
	return sources, nil
}

// CopyRefs are the copies of sources.
func CopyRefs(target cluster.Key, sources []Source) []Ref {
	var refs []Ref
	for _, s := range sources {
		refs = append(refs, Ref{s.Kind, s.Copy(target)})
	}
	return refs
}

// Originals is the way back from Copies: the names of the originals by their copies, for Rename.
func Originals(copies map[Ref]string) map[Ref]string {
	names := map[Ref]string{}
	for original, name := range copies {
		names[Ref{original.Kind, name}] = original.Name
	}
	return names
}
