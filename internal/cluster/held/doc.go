// Package held is how serin holds a StatefulSet or DaemonSet of the user (Workload): what it notes on it and whose it is, which
// form of a template a ControllerRevision is (Form, Memo), the template that Kubernetes still remembers of a revision (Find),
// and how another template is put in the place of the present one (Put): an earlier one when a release goes back, or one
// that names copies of configuration (ADR 13); with a note of what the user asked for (Asked).
//
// # Who owns a template that was put there
//
// Not serin. A template is put in the name of whoever wrote the present one: by server-side apply with the other
// fields of that manager unchanged, or, where it was written by `kubectl apply`, with its last-applied-configuration
// told as well. So the next template that the user's tool writes replaces it completely: no conflict, and nothing of the
// earlier template stays behind. (A template owned by serin would do both: server-side apply removes only fields that
// nobody else owns, and a tool that finds the value it wants already there does not come to own it.) That serin put it
// there stands in the annotation serin.dev/asked.
//
// Helm before version 4 keeps what it wrote last in a Secret of its own: a field that only the earlier template has stays
// until somebody removes it, as after `kubectl rollout undo`.
package held
