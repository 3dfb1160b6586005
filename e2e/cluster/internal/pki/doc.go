// Package pki makes the certificates and keys of one cluster: an authority, what the API server shows, what it shows to
// aggregated APIs, and the key that signs service account tokens. Private keys of authorities are not kept.
package pki
