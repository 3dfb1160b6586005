// Package addon installs data planes and metric stores in a cluster, as pods of images made from our own builds.
package addon
