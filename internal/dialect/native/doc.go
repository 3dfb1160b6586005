// Package native is serin's own dialect: it reads the Canary, Process and Upstream of api/v1alpha1 from YAML files and
// reports a release's progress as the Canary's status.
//
// Reading is strict and collects every error instead of the first: unknown fields (with the nearest known word), wrong
// units, weights that fall, targets that are missing or owned twice, duplicate keys. Each note has file, line, column
// and field path. All documents of all files are one world, so references and owners are seen across files.
//
// The way of a document: parsed into nodes with positions (document.go), decoded by reflection into the typed object,
// remembering where each field stood (decode.go), lowered into a draft in the words of package compile (lower.go,
// steps.go, targets.go). coverage.txt in testdata lists every field of the types and what becomes of it.
//
// Limits, against files made to exhaust memory: 1 MiB a file, 100,000 values after aliases are written out, 64 levels.
//
// Units as in api/v1alpha1. Sources: YAML 1.2, by go.yaml.in/yaml/v3; merge keys (<<) are understood.
package native
