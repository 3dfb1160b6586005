// Package image makes container images from static programs and brings images into the cluster's registry.
package image
