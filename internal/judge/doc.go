// Package judge holds the contract of judges: pure machines that turn looks into verdicts.
//
// A Look is what was counted since the last one, per track and instance. A judge has no clock, no I/O and no
// randomness: the same looks give the same verdicts bit for bit, in any process, and its State survives encoding, so
// that a restarted controller loses no evidence. It serves number 7 of the walk in ARCHITECTURE.md.
//
// The judges live below: sequential (always-valid tests by betting, the default), threshold (limits on a window), condition
// (the users' own conditions, as Argo's) and kayenta (Kayenta's judge).
// Their settings are read by setting; stream lets them be asked over JSON lines; detect measures them.
package judge
