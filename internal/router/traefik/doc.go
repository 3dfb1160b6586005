// Package traefik is the router of Traefik.
package traefik
