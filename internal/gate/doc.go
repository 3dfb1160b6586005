// Package gate tells apart who may open a gate: it checks an approval against what the gate asks for. Gates of time and
// of verdict need no back end; the engine opens them from what was seen.
package gate
