// Package attached is what a route of Gateway API says of its parents, and what their controllers say of the route.
package attached
