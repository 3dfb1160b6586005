// Package engine is the machine that carries a release through its plan. It has no hands: no goroutine, timer, client
// or log. Its input is a plan, a position and what was seen; its output is one value, the Decision, whose fields say what
// to record and then to do. The caller owns every effect.
//
// In order of use (numbers 6 and 8 of the walk in ARCHITECTURE.md):
//
//	Needs    says which analyses are due for a look
//	Decide   takes the acts of people into account, then lets the first matching rule move the position
//	approach orders capacity and traffic on the way to the state of the step; the one owner of the rule that no track
//	         gets more traffic than its ready capacity carries (ADR 0002)
//
// Invariants, checked over millions of simulated releases: a share grows only as far as ready replicas carry it; replicas
// are taken away only after the route without them is acknowledged and their requests are done; ignorance never promotes
// and never rolls back; every wait has a reason, a deadline or a command that ends it; no clock restarts.
package engine
