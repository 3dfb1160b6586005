// Package compile turns a Draft, which is what a dialect read in its user's words, into a plan.Plan, which is what the
// engine runs. It serves number 3 of the walk in ARCHITECTURE.md.
//
// A Draft lists moves ("weight 25, hold 10m"); a plan lists full desired states. Between the two stand the passes of
// one table (passes), each of which names the passes that must have run before it; the order is checked, and so are the
// invariants of the plan after every pass (invariants). What the router or the workload cannot do is refused at the
// user's line, naming the feature that is missing and the remedy; nothing is dropped or bent silently.
//
// What every plan obeys:
//
//   - step 0 is stable alone, the last step is the new revision alone;
//   - the shares of a step sum to Whole, or are empty while a recreation lets requests wait;
//   - no track gets a larger share than its capacity; matches may claim every request and so ask for Full by default;
//   - the canary's share never falls before promotion;
//   - a step rolls back to step 0, or to itself once stable is no longer the old revision (point of no return).
//
// Units: shares are thousandths, durations are time.Duration. Errors are Notes, never panics: a Note names the user's
// file, line, column and field.
package compile
