// Package reconcile is the loop: observe, decide, record, act. It is the only room that orders effects, and has the only
// three doors to the outside: it reads what runs and what was counted, writes the record, and then tells routers and
// workloads what shall be. It serves numbers 5 to 9 of the walk in ARCHITECTURE.md.
//
// Recording comes before acting: a process killed between the two repeats an idempotent order, it never forgets one. Hooks
// are not idempotent, so they go through a recorded outbox (Tell): what was under way when a process died is not repeated.
//
// Evidence is recorded with the counters it was made from, so that the looks missed by a killed process become one look of
// the next. One release is handled by one worker at a time; the caller sees to that.
package reconcile
