// Package notify holds the contract of notifiers: they tell the outside what happened to a release, once. Each telling
// has a key that stays the same if it has to be repeated, so that a receiver can drop doubles; the record of what was told
// is kept by reconcile, not here. It serves number 9 of the walk in ARCHITECTURE.md.
//
// Every notifier runs the suite in notify/conformance.
package notify
