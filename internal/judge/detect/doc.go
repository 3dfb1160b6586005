// Package detect measures judges: it makes traffic of known truth, lets several policies read the very same looks, and
// counts false rollbacks of good releases and the requests a bad version serves until it is rolled back.
//
// A family (family.go; good.go, bad.go and unseen.go list them) is one kind of traffic; a release of it is a stream of looks made from a
// seed, the same in every process (traffic.go, actor.go, speed.go, dice.go). Requests arrive by chance, failures and latencies are
// drawn per pod; weights follow the clock, not the policies.
//
// Policies (policy.go) are the native judge built from settings as `serin judge` builds it, the Flagger and Argo rules (limits.go),
// Kayenta's judge (kayenta.go), z tests (normal.go), the multinomial test of counts and an oracle that knows both true distributions and
// runs Wald's sequential test on them (counts.go): no test with the same error can do much better.
//
// What is promised is a list of targets (target.go). Run it with `go run ./internal/judge/detect/bench`, `-check` to exit with 1 where a
// target does not hold.
package detect
