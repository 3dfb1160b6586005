// Package execution runs Kayenta's executions: a canary (one judgement), an analysis (several judgements over a time) and a
// comparison of judges.
//
// An execution is an Order, which never changes, and Progress, which is a list of stages. Both are recorded before anything is
// done, and each stage's end is recorded before the next begins, so that a process killed at any instruction is continued
// by the next one under the same id. What a stage leaves behind (a list of metric sets, a canary of an analysis) is called by
// an id that follows from the execution and the stage: a stage that is done again replaces what it had left, and nothing is
// there twice. Clocks are moments that are recorded, not durations, so a restart restarts none.
//
// Nothing here sleeps: Runner works on what is due and says when something will be. The time comes from outside.
package execution
