// Package part builds what the cluster is made of, each part from its own Go module below e2e/cluster/parts, and keeps it
// in the user's cache by name, version and everything that went into it. A part is either wholly there or not at all.
package part
