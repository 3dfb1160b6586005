// Package wiring builds the program from the catalog and a few options: which back ends exist is written there, how they
// are put together here, once for `serin run`, the demo and the tests.
package wiring
