// Package registry serves the cluster's images. Blobs lie in files; manifests, which the library keeps in memory
// only, are also written to a journal that is told again at the next start, so a registry that was stopped still knows its tags.
package registry
