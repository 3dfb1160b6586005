// Package conformance is the suite that every notifier runs: a message arrives whole, once, under its key, or there is an
// error. A notifier's own tests cover what only it can do.
package conformance
