// Package standalone releases on one machine: it reads the user's files, begins a release when a revision changes, keeps one
// worker per target that advances it, and answers the command line over a unix socket. It is to files and processes what
// package controller is to a cluster, and as thin: what to release is the dialect's word, how is the engine's.
package standalone
