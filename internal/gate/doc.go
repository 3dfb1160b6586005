// Package gate holds the contract of keepers: they say who may answer an approval gate. Gates of time and of verdict need
// no keeper; the engine opens them from what was seen. A keeper that cannot tell refuses: an approval is never given
// because somebody's directory was down.
//
// It serves number 8 of the walk in ARCHITECTURE.md. Every keeper runs the suite in gate/conformance.
package gate
