// Package detect measures judges: it makes traffic of known truth, lets several policies read the very same looks, and
// counts false rollbacks of good releases and the requests a bad version serves until it is rolled back.
//
// A family (family.go, good.go, bad.go) is one kind of traffic; a release of it is a stream of looks made from a seed, the same
// in every process. Requests arrive by chance, failures and latencies are drawn per pod; weights follow the clock, not the
// policies. Policies (policy.go) are the native judge built from an empty settings file as `serin judge` builds it, the Flagger and Argo
// rules, a z test that is looked at every time, and an oracle that knows both true distributions and runs Wald's
// sequential test on them: no test with the same error can do much better.
//
// Run it with `go run ./internal/judge/detect/bench`.
package detect
