// Package simulation lets the real compiler, engine, judges and loop release something in the simulated world: for
// `serin simulate`, for transcripts, and for the run over thousands of seeds with faults in which every promise of the
// product is checked after every event. There is no second engine here; only the world is not real.
package simulation
