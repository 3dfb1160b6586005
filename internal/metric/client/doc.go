// Package client makes the HTTP clients by which metric stores ask servers: with credentials out of Secrets or files, never out
// of settings; with bounded answers; without redirects, which would carry credentials to whom nobody has chosen; and not to
// addresses of the link, where a cloud hands out a machine's own credentials. It belongs to the contract, so that all stores may
// use it.
package client
