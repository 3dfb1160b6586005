// Package process starts the cluster's daemons, detached, and keeps a record of each: its pid and when it began.
//
// A pid alone may belong to another process by the time we come back to it, so nothing is signalled that did not begin at
// the recorded time.
package process
