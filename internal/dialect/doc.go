// Package dialect is the hall of the dialects: each folder below reads one family of manifests into compile.Draft and
// reports progress back in that family's own words. Both ways are pure functions. Here stands only what all of them need
// to be told by the program: which back ends exist (Known), so that a wrong name or setting is refused at the user's line
// without any dialect importing a back end.
//
// It serves numbers 2 and 10 of the walk in ARCHITECTURE.md.
package dialect
