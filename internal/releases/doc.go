// Package releases keeps what serin must not forget: targets (what runs in production, who owns it) and releases (an
// immutable plan, and a status that changes). It turns words in memory into the numbered format at rest.
//
// It serves numbers 4 and 9 of the walk in ARCHITECTURE.md. Stores: memory for tests and simulation, disk (one bbolt
// file, crash-safe) for one machine; on a cluster Releases are objects. Every store runs the suite in releases/conformance.
//
// # Format
//
// Records are JSON with a format number (Format). A store with a higher number was written by a newer serin and is refused
// by name, never rewritten. Fields are only added; a change of meaning raises the number. testdata holds one record of
// every format that was ever written, and a test reads them all.
package releases
