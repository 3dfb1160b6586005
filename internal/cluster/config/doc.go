// Package config makes the ConfigMaps and Secrets that a pod template names part of its revision: it finds them, reads
// what they hold, makes immutable copies for the pods of a revision, and lets a template name the copies.
//
// ConfigMaps are watched by their metadata and read when that changes. Secrets are only ever read by name, never listed or
// watched, at most once a minute; where that is forbidden they are no part of a revision. An object that carries the
// annotation "serin.dev/config: ignore" is no part either, and stays shared by all revisions.
//
// Names of image pull secrets, and what drivers of volumes mount, are not followed.
package config
